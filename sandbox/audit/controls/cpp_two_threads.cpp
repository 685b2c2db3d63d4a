// title: two threads, both joined, each with its own tree
// task: inversions
// expect: ok
// threads: 2

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

static std::string read_all() {
    std::string text;
    char block[1 << 16];
    for (size_t got; (got = std::fread(block, 1, sizeof block, stdin)) > 0;) text.append(block, got);
    return text;
}

struct Half {
    const std::vector<int> &values, &sorted;
    long from, to;
    std::string out;
    long long total = 0;

    void work() {
        const long n = (long)values.size();
        std::vector<int> tree(n + 1);
        for (long i = 0; i < to; i++) {
            const int rank = (int)(std::upper_bound(sorted.begin(), sorted.end(), values[i]) - sorted.begin());
            int larger = (int)i;
            for (int k = rank; i >= from && k > 0; k -= k & -k) larger -= tree[k];
            for (int k = rank; k <= n; k += k & -k) tree[k]++;
            if (i < from) continue;
            total += larger;
            out += std::to_string(larger) + "\n";
        }
    }
};

int main() {
    const std::string input = read_all();
    char *at = const_cast<char *>(input.c_str());
    const long n = std::strtol(at, &at, 10);
    std::vector<int> values(n);
    for (int &value : values) value = (int)std::strtol(at, &at, 10);
    std::vector<int> sorted(values);
    std::sort(sorted.begin(), sorted.end());
    Half first{values, sorted, 0, n / 2, ""}, second{values, sorted, n / 2, n, ""};
    std::thread other(&Half::work, &first);
    second.work();
    other.join();
    std::printf("%s%s%lld\n", first.out.c_str(), second.out.c_str(), first.total + second.total);
}
