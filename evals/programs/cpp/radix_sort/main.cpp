// Sorts numbers by their bytes, the lowest first; prints every hundredth, the last, and the sum of the gaps' squares.
#include <array>
#include <iostream>
#include <utility>
#include <vector>

void sort_by_bytes(std::vector<unsigned>& numbers) {
    std::vector<unsigned> other(numbers.size());
    for (int shift = 0; shift < 32; shift += 8) {
        std::array<int, 257> place{};
        for (unsigned number : numbers) {
            place[((number >> shift) & 255) + 1]++;
        }
        for (int i = 0; i < 256; i++) {
            place[i + 1] += place[i];
        }
        for (unsigned number : numbers) {
            other[place[(number >> shift) & 255]++] = number;
        }
        std::swap(numbers, other);
    }
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n;
    std::cin >> n;
    std::vector<unsigned> numbers;
    numbers.reserve(n);
    for (int i = 0; i < n; i++) {
        unsigned number;
        std::cin >> number;
        numbers.push_back(number);
    }
    sort_by_bytes(numbers);
    unsigned long long squares = 0;
    for (int i = 1; i < n; i++) {
        const unsigned long long gap = numbers[i] - numbers[i - 1];
        squares += gap * gap;
    }
    for (int i = 0; i < n; i += 100) {
        std::cout << numbers[i] << '\n';
    }
    if (n > 0) {
        std::cout << numbers[n - 1] << '\n';
    }
    std::cout << squares << '\n';
    return 0;
}
