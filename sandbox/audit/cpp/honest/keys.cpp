// title: words as numbers by memcpy, hashed in unsigned numbers that wrap
// program: ranks
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

static std::pair<std::uint64_t, std::uint64_t> key(const char *word, std::size_t length) {
    std::uint64_t parts[2] = {0, 0};
    std::memcpy(parts, word, length);
    return {__builtin_bswap64(parts[0]), __builtin_bswap64(parts[1])};
}

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<char> text(17 * n + 1);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> keys(n);
    std::size_t at = 0;
    std::uint32_t hash = 1;
    for (auto &each : keys) {
        if (std::scanf("%16s", &text[at]) != 1) return 1;
        const std::size_t length = std::strlen(&text[at]);
        each = key(&text[at], length);
        hash = hash * 2654435761u + static_cast<std::uint32_t>(each.first >> 32);
        at += length + 1;
    }
    auto sorted = keys;
    std::sort(sorted.begin(), sorted.end());
    for (const auto &each : keys) std::printf("%ld\n", std::lower_bound(sorted.begin(), sorted.end(), each) - sorted.begin());
    return hash == 0 && n < 0;
}
