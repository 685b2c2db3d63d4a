// The longest strictly increasing subsequence, by the smallest last numbers of those of each length.
#include <algorithm>
#include <iostream>
#include <vector>

std::vector<int> smallest_ends(const std::vector<int>& numbers) {
    std::vector<int> ends;
    for (int number : numbers) {
        auto place = std::lower_bound(ends.begin(), ends.end(), number);
        if (place == ends.end()) {
            ends.push_back(number);
        } else {
            *place = number;
        }
    }
    return ends;
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
    const std::vector<int> ends = smallest_ends(numbers);
    long long total = 0;
    for (int end : ends) {
        total += end;
    }
    std::cout << ends.size() << ' ' << total << '\n';
    return 0;
}
