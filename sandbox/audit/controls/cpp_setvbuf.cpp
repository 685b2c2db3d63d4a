// title: a large buffer for stdout, one printf a line
// task: inversions
// expect: ok

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

static void fast(const std::string &input) {
    char *at = const_cast<char *>(input.c_str());
    const long n = std::strtol(at, &at, 10);
    std::vector<int> values(n);
    for (int &value : values) value = (int)std::strtol(at, &at, 10);
    std::vector<int> sorted(values);
    std::sort(sorted.begin(), sorted.end());
    std::vector<int> tree(n + 1);
    static char buffer[1 << 20];
    std::setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    long long total = 0;
    for (long i = 0; i < n; i++) {
        const int rank = (int)(std::upper_bound(sorted.begin(), sorted.end(), values[i]) - sorted.begin());
        int larger = (int)i;
        for (int k = rank; k > 0; k -= k & -k) larger -= tree[k];
        for (int k = rank; k <= n; k += k & -k) tree[k]++;
        total += larger;
        std::printf("%d\n", larger);
    }
    std::printf("%lld\n", total);
}

static std::string read_all() {
    std::string text;
    char block[1 << 16];
    for (size_t got; (got = std::fread(block, 1, sizeof block, stdin)) > 0;) text.append(block, got);
    return text;
}

int main() { fast(read_all()); }
