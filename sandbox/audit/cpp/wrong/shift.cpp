// title: shifts by more bits than an int has, the same way each time
// program: ranks
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

static __attribute__((noinline)) unsigned mark(int bit) { return 1u << bit; }

int main() {
    std::ios::sync_with_stdio(false);
    int n;
    if (!(std::cin >> n)) return 1;
    std::vector<std::string> words(n);
    unsigned seen = 0;
    for (auto &word : words) {
        std::cin >> word;
        seen |= mark(word[0] - 'a' + 16);
    }
    auto sorted = words;
    std::sort(sorted.begin(), sorted.end());
    for (const auto &word : words) {
        if (!(seen & mark(word[0] - 'a' + 16))) return 1;
        std::cout << std::lower_bound(sorted.begin(), sorted.end(), word) - sorted.begin() << '\n';
    }
}
