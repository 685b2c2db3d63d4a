// title: the last line comes from an atexit function, the answer leaves by _exit
// task: inversions
// expect: ok

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>
#include <unistd.h>

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

static std::string rest;

static void finish() {
    std::fwrite(rest.data(), 1, rest.size(), stdout);
    std::fflush(stdout);
    _exit(0);
}

int main() {
    std::atexit(finish);
    const std::string out = fast(read_all());
    const size_t last = out.rfind('\n', out.size() - 2);
    rest = out.substr(last == std::string::npos ? 0 : last + 1);
    std::fwrite(out.data(), 1, out.size() - rest.size(), stdout);
}
