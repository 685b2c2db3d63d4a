// How many pairs of the numbers sum up to the target, and where the first such pair ends (-1: nowhere).
#include <iostream>
#include <unordered_map>
#include <vector>

struct Found {
    long long pairs;
    int first;
};

Found count_pairs(const std::vector<int>& numbers, int target) {
    std::unordered_map<int, int> seen;
    Found found{0, -1};
    for (std::size_t i = 0; i < numbers.size(); i++) {
        auto other = seen.find(target - numbers[i]);
        if (other != seen.end()) {
            found.pairs += other->second;
            if (found.first < 0) {
                found.first = static_cast<int>(i);
            }
        }
        seen[numbers[i]]++;
    }
    return found;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, target;
    std::cin >> n >> target;
    std::vector<int> numbers;
    numbers.reserve(n);
    for (int i = 0; i < n; i++) {
        int number;
        std::cin >> number;
        numbers.push_back(number);
    }
    const Found found = count_pairs(numbers, target);
    std::cout << found.pairs << ' ' << found.first << '\n';
    return 0;
}
