// The largest number in each window of k neighbours, with a queue of those that can still become the largest.
#include <deque>
#include <iostream>
#include <vector>

std::vector<int> maxima(const std::vector<int>& numbers, int width) {
    std::vector<int> result;
    result.reserve(numbers.size());
    std::deque<int> candidates;
    for (int i = 0; i < static_cast<int>(numbers.size()); i++) {
        if (!candidates.empty() && candidates.front() <= i - width) {
            candidates.pop_front();
        }
        while (!candidates.empty() && numbers[candidates.back()] <= numbers[i]) {
            candidates.pop_back();
        }
        candidates.push_back(i);
        if (i + 1 >= width) {
            result.push_back(numbers[candidates.front()]);
        }
    }
    return result;
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
    for (int value : maxima(numbers, width)) {
        std::cout << value << '\n';
    }
    return 0;
}
