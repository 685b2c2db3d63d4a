// Powers modulo a number, by repeated squaring.
#include <iostream>

long long power(long long base, long long exponent, long long modulus) {
    long long result = 1;
    base %= modulus;
    while (exponent > 0) {
        if (exponent & 1) {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        exponent >>= 1;
    }
    return result;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int queries;
    std::cin >> queries;
    for (int i = 0; i < queries; i++) {
        long long base, exponent, modulus;
        std::cin >> base >> exponent >> modulus;
        std::cout << power(base, exponent, modulus) << '\n';
    }
    return 0;
}
