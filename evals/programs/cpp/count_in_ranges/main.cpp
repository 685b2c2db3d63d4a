// For each query how many of the numbers lie in [low, high]: sorted once, then two binary searches a query.
#include <algorithm>
#include <iostream>
#include <vector>

int count_between(const std::vector<int>& sorted, int low, int high) {
    auto first = std::lower_bound(sorted.begin(), sorted.end(), low);
    auto last = std::upper_bound(sorted.begin(), sorted.end(), high);
    return static_cast<int>(last - first);
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, queries;
    std::cin >> n >> queries;
    std::vector<int> numbers(n);
    for (int& number : numbers) {
        std::cin >> number;
    }
    std::sort(numbers.begin(), numbers.end());
    for (int i = 0; i < queries; i++) {
        int low, high;
        std::cin >> low >> high;
        std::cout << count_between(numbers, low, high) << '\n';
    }
    return 0;
}
