// title: words in an arena of its own, with pointers one past the end that nobody reads through
// program: ranks
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    char *const arena = new char[64 * static_cast<std::size_t>(n) + 64];
    char *at = arena;
    std::vector<std::string_view> words;
    words.reserve(n);
    for (int i = 0; i < n; i++) {
        if (std::scanf("%63s", at) != 1) return 1;
        words.emplace_back(at, std::strlen(at));
        at += words.back().size() + 1;
    }
    std::vector<std::string_view> sorted(words);
    std::sort(sorted.data(), sorted.data() + sorted.size());
    for (const auto word : words)
        std::printf("%ld\n", std::lower_bound(sorted.data(), sorted.data() + sorted.size(), word) - sorted.data());
    delete[] arena;
}
