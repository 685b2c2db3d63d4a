// For each word how many of the words are smaller.
#include <iostream>
#include <string>
#include <vector>

int main() {
    int n;
    if (!(std::cin >> n)) return 1;
    std::vector<std::string> words(n);
    for (auto &word : words) std::cin >> word;
    for (const auto &word : words) {
        int smaller = 0;
        for (const auto &other : words) smaller += other < word;
        std::cout << smaller << '\n';
    }
}
