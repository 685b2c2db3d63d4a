// How many divisors each number has, by its smallest prime factors from a sieve; at the end the sum of the counts.
#include <algorithm>
#include <iostream>
#include <vector>

std::vector<int> smallest_factors(int most) {
    std::vector<int> factor(most + 1, 0);
    for (int i = 2; i <= most; i++) {
        if (factor[i] != 0) {
            continue;
        }
        for (int j = i; j <= most; j += i) {
            if (factor[j] == 0) {
                factor[j] = i;
            }
        }
    }
    return factor;
}

int divisors(const std::vector<int>& factor, int number) {
    int count = 1;
    while (number > 1) {
        const int prime = factor[number];
        int times = 1;
        while (number % prime == 0) {
            number /= prime;
            times++;
        }
        count *= times;
    }
    return count;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n;
    std::cin >> n;
    std::vector<int> numbers;
    numbers.reserve(n);
    int most = 1;
    for (int i = 0; i < n; i++) {
        int number;
        std::cin >> number;
        most = std::max(most, number);
        numbers.push_back(number);
    }
    const std::vector<int> factor = smallest_factors(most);
    long long total = 0;
    for (int number : numbers) {
        const int count = divisors(factor, number);
        total += count;
        std::cout << count << '\n';
    }
    std::cout << total << '\n';
    return 0;
}
