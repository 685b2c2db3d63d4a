// title: hashes words in an int that overflows
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
    for (auto &word : words) std::cin >> word;
    auto sorted = words;
    std::sort(sorted.begin(), sorted.end());
    std::vector<std::pair<int, int>> known(4096, {0, -1});
    for (const auto &word : words) {
        int hash = 7;
        for (const char letter : word) hash = hash * 31 + letter;
        auto &slot = known[hash & 4095];
        if (slot.second < 0 || slot.first != hash || sorted[slot.second] != word) {
            const int rank = static_cast<int>(std::lower_bound(sorted.begin(), sorted.end(), word) - sorted.begin());
            slot = {hash, rank};
        }
        std::cout << slot.second << '\n';
    }
}
