// Groups of numbers that have the same digits in another order: how many groups, the size and the digits of the largest.
#include <algorithm>
#include <iostream>
#include <string>
#include <unordered_map>
#include <vector>

std::string sorted_digits(const std::string& digits) {
    std::string sorted = digits;
    std::sort(sorted.begin(), sorted.end());
    return sorted;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n;
    std::cin >> n;
    std::unordered_map<std::string, int> members;
    std::string digits;
    int most = 0;
    std::string largest = "0";
    for (int i = 0; i < n; i++) {
        std::cin >> digits;
        const std::string key = sorted_digits(digits);
        const int count = ++members[key];
        if (count > most || (count == most && key < largest)) {
            most = count;
            largest = key;
        }
    }
    std::cout << members.size() << ' ' << most << ' ' << largest << '\n';
    return 0;
}
