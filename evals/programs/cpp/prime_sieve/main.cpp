// Primes up to n by the sieve of Eratosthenes: how many, their sum, and the largest gap between neighbours.
#include <iostream>
#include <vector>

std::vector<int> primes_up_to(int n) {
    std::vector<char> composite(n + 1, 0);
    std::vector<int> primes;
    for (int i = 2; i <= n; i++) {
        if (composite[i]) {
            continue;
        }
        primes.push_back(i);
        for (long long j = 1LL * i * i; j <= n; j += i) {
            composite[j] = 1;
        }
    }
    return primes;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n;
    std::cin >> n;
    const std::vector<int> primes = primes_up_to(n);
    long long total = 0;
    int gap = 0;
    for (std::size_t i = 0; i < primes.size(); i++) {
        total += primes[i];
        if (i > 0 && primes[i] - primes[i - 1] > gap) {
            gap = primes[i] - primes[i - 1];
        }
    }
    std::cout << primes.size() << ' ' << total << ' ' << gap << '\n';
    return 0;
}
