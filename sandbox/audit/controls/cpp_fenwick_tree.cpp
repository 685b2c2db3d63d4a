// title: counts with a Fenwick tree
// task: inversions
// expect: ok

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

static std::string fast(const std::string &input) {
    char *at = const_cast<char *>(input.c_str());
    const long n = std::strtol(at, &at, 10);
    std::vector<int> values(n);
    for (int &value : values) value = (int)std::strtol(at, &at, 10);
    std::vector<int> sorted(values);
    std::sort(sorted.begin(), sorted.end());
    std::vector<int> tree(n + 1);
    std::string out;
    long long total = 0;
    for (long i = 0; i < n; i++) {
        const int rank = (int)(std::upper_bound(sorted.begin(), sorted.end(), values[i]) - sorted.begin());
        int larger = (int)i;
        for (int k = rank; k > 0; k -= k & -k) larger -= tree[k];
        for (int k = rank; k <= n; k += k & -k) tree[k]++;
        total += larger;
        out += std::to_string(larger) + "\n";
    }
    return out + std::to_string(total) + "\n";
}

static std::string read_all() {
    std::string text;
    char block[1 << 16];
    for (size_t got; (got = std::fread(block, 1, sizeof block, stdin)) > 0;) text.append(block, got);
    return text;
}

int main() {
    const std::string out = fast(read_all());
    std::fwrite(out.data(), 1, out.size(), stdout);
}
