// For each number how many places further the next greater one stands (0: none does), with a stack of open places.
#include <iostream>
#include <vector>

std::vector<int> steps_to_greater(const std::vector<int>& numbers) {
    std::vector<int> steps(numbers.size(), 0);
    std::vector<int> open;
    for (int i = 0; i < static_cast<int>(numbers.size()); i++) {
        while (!open.empty() && numbers[open.back()] < numbers[i]) {
            steps[open.back()] = i - open.back();
            open.pop_back();
        }
        open.push_back(i);
    }
    return steps;
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
    for (int step : steps_to_greater(numbers)) {
        std::cout << step << '\n';
    }
    return 0;
}
