// Word frequencies of a text from stdin, most frequent first.
#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

bool before(std::pair<std::string, int> a, std::pair<std::string, int> b) {
    if (a.second != b.second) {
        return a.second > b.second;
    }
    return a.first < b.first;
}

int main() {
    std::map<std::string, int> counts;
    std::string word;
    while (std::cin >> word) {
        std::string clean;
        for (char c : word) {
            if (c >= 'a' && c <= 'z') {
                clean += c;
            } else if (c >= 'A' && c <= 'Z') {
                clean += c - 'A' + 'a';
            }
        }
        if (!clean.empty()) {
            counts[clean]++;
        }
    }
    std::vector<std::pair<std::string, int>> sorted;
    for (auto entry : counts) {
        sorted.push_back(entry);
    }
    std::sort(sorted.begin(), sorted.end(), before);
    for (auto entry : sorted) {
        std::cout << entry.first << " " << entry.second << std::endl;
    }
    return 0;
}
