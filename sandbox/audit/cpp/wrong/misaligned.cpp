// title: reads eight letters at a time from wherever a word begins
// program: ranks
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

typedef std::uint64_t Eight __attribute__((may_alias));

static std::pair<std::uint64_t, std::uint64_t> key(const char *word) {
    const Eight *parts = reinterpret_cast<const Eight *>(word);
    const std::uint64_t first = parts[0], second = parts[1];
    const std::size_t length = std::strlen(word);
    const std::uint64_t low = length >= 8 ? ~0ull : (1ull << 8 * length) - 1;
    const std::uint64_t high = length <= 8 ? 0 : (1ull << 8 * (length - 8)) - 1;
    return {__builtin_bswap64(first & low), __builtin_bswap64(second & high)};
}

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<char> text(13 * n + 16);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> keys(n);
    std::size_t at = 0;
    for (auto &each : keys) {
        if (std::scanf("%12s", &text[at]) != 1) return 1;
        each = key(&text[at]);
        at += std::strlen(&text[at]) + 1;
    }
    auto sorted = keys;
    std::sort(sorted.begin(), sorted.end());
    for (const auto &each : keys) std::printf("%ld\n", std::lower_bound(sorted.begin(), sorted.end(), each) - sorted.begin());
}
