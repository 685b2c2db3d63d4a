// The product of two matrices modulo 998244353: its trace, its corners, and the sum of its rows' largest numbers.
#include <algorithm>
#include <iostream>
#include <vector>

using Matrix = std::vector<std::vector<long long>>;

const long long MODULUS = 998244353;

Matrix filled(int n, unsigned& state) {
    Matrix matrix(n, std::vector<long long>(n));
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            state = state * 1664525u + 1013904223u;
            matrix[i][j] = state % MODULUS;
        }
    }
    return matrix;
}

Matrix product(const Matrix& a, const Matrix& b) {
    const int n = a.size();
    Matrix c(n, std::vector<long long>(n, 0));
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < n; k++) {
            const long long factor = a[i][k];
            for (int j = 0; j < n; j++) {
                c[i][j] = (c[i][j] + factor * b[k][j]) % MODULUS;
            }
        }
    }
    return c;
}

int main() {
    int n;
    unsigned state;
    std::cin >> n >> state;
    const Matrix a = filled(n, state);
    const Matrix b = filled(n, state);
    const Matrix c = product(a, b);
    long long trace = 0;
    long long largest = 0;
    for (int i = 0; i < n; i++) {
        trace += c[i][i];
        largest += *std::max_element(c[i].begin(), c[i].end());
    }
    std::cout << trace << ' ' << c[0][n - 1] << ' ' << c[n - 1][0] << ' ' << largest << '\n';
    return 0;
}
