// The sum of the numbers in places first to last of each query, from prefix sums.
#include <iostream>
#include <vector>

std::vector<long long> prefix_sums(const std::vector<int>& numbers) {
    std::vector<long long> sums;
    sums.reserve(numbers.size() + 1);
    sums.push_back(0);
    for (int number : numbers) {
        sums.push_back(sums.back() + number);
    }
    return sums;
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
    const std::vector<long long> sums = prefix_sums(numbers);
    for (int i = 0; i < queries; i++) {
        int first, last;
        std::cin >> first >> last;
        std::cout << sums[last + 1] - sums[first] << '\n';
    }
    return 0;
}
