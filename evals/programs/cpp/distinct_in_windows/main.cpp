// How many different numbers there are in each window of k neighbours, counted as the window moves.
#include <iostream>
#include <unordered_map>
#include <vector>

std::vector<int> distinct_counts(const std::vector<int>& numbers, int width) {
    std::vector<int> counts;
    counts.reserve(numbers.size());
    std::unordered_map<int, int> inside;
    for (int i = 0; i < static_cast<int>(numbers.size()); i++) {
        inside[numbers[i]]++;
        if (i >= width) {
            auto leaving = inside.find(numbers[i - width]);
            if (--leaving->second == 0) {
                inside.erase(leaving);
            }
        }
        if (i + 1 >= width) {
            counts.push_back(inside.size());
        }
    }
    return counts;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, width;
    std::cin >> n >> width;
    std::vector<int> numbers(n);
    for (int& number : numbers) {
        std::cin >> number;
    }
    for (int count : distinct_counts(numbers, width)) {
        std::cout << count << '\n';
    }
    return 0;
}
