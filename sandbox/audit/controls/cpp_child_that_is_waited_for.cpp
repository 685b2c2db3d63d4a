// title: a child that does half of the work and is waited for
// task: inversions
// expect: ok
// threads: 2

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static std::string read_all() {
    std::string text;
    char block[1 << 16];
    for (size_t got; (got = std::fread(block, 1, sizeof block, stdin)) > 0;) text.append(block, got);
    return text;
}

static void count(const std::vector<int> &values, const std::vector<int> &sorted, long from, long to, int *larger) {
    std::vector<int> tree(values.size() + 1);
    for (long i = 0; i < to; i++) {
        const size_t rank = std::upper_bound(sorted.begin(), sorted.end(), values[i]) - sorted.begin();
        larger[i] = i < from ? larger[i] : (int)i;
        for (size_t k = rank; i >= from && k > 0; k -= k & -k) larger[i] -= tree[k];
        for (size_t k = rank; k < tree.size(); k += k & -k) tree[k]++;
    }
}

int main() {
    const std::string input = read_all();
    char *at = const_cast<char *>(input.c_str());
    const long n = std::strtol(at, &at, 10);
    std::vector<int> values(n);
    for (int &value : values) value = (int)std::strtol(at, &at, 10);
    std::vector<int> sorted(values);
    std::sort(sorted.begin(), sorted.end());
    const size_t size = (n + 1) * sizeof(int);
    int *larger = (int *)mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const pid_t child = fork();
    if (child == 0) {
        count(values, sorted, 0, n / 2, larger);
        _exit(0);
    }
    count(values, sorted, n / 2, n, larger);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return 1;
    long long total = 0;
    for (long i = 0; i < n; i++) {
        total += larger[i];
        std::printf("%d\n", larger[i]);
    }
    std::printf("%lld\n", total);
}
