// How often each number occurs, the most frequent first, the smaller first among equals.
#include <algorithm>
#include <iostream>
#include <unordered_map>
#include <utility>
#include <vector>

using Count = std::pair<int, int>;

std::vector<Count> counts(const std::vector<int>& numbers) {
    std::unordered_map<int, int> often;
    often.reserve(numbers.size());
    for (int number : numbers) {
        often[number]++;
    }
    std::vector<Count> result(often.begin(), often.end());
    std::sort(result.begin(), result.end(), [](const Count& a, const Count& b) {
        return a.second > b.second || (a.second == b.second && a.first < b.first);
    });
    return result;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n;
    std::cin >> n;
    std::vector<int> numbers(n);
    for (int& number : numbers) {
        std::cin >> number;
    }
    for (const Count& one : counts(numbers)) {
        std::cout << one.first << ' ' << one.second << '\n';
    }
    return 0;
}
