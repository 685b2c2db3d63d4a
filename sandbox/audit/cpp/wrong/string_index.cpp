// title: looks two letters ahead, past the end of a string
// program: ranks
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

int main() {
    std::ios::sync_with_stdio(false);
    int n;
    if (!(std::cin >> n)) return 1;
    std::vector<std::string> words(n);
    int doubles = 0;
    for (auto &word : words) {
        std::cin >> word;
        for (std::size_t i = 0; i < word.size(); i++) doubles += word[i] == word[i + 2];
    }
    auto sorted = words;
    std::sort(sorted.begin(), sorted.end());
    for (const auto &word : words) std::cout << std::lower_bound(sorted.begin(), sorted.end(), word) - sorted.begin() << '\n';
    return doubles < 0;
}
