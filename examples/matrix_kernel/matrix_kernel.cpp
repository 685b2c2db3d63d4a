// Markov chain: the distribution after many steps, by repeated multiplication of the transition matrix.
// Reads the number of states and a seed; prints the trace and the corners of the matrix to the 8th power.
#include <iomanip>
#include <iostream>
#include <vector>

using Matrix = std::vector<std::vector<double>>;

Matrix transition(int n, unsigned seed) {
    Matrix m(n, std::vector<double>(n));
    for (int i = 0; i < n; i++) {
        double total = 0;
        for (int j = 0; j < n; j++) {
            seed = seed * 1664525u + 1013904223u;
            m[i][j] = 1 + (seed >> 16) % 1000;
            total += m[i][j];
        }
        for (int j = 0; j < n; j++) {
            m[i][j] /= total;
        }
    }
    return m;
}

Matrix multiply(Matrix a, Matrix b) {
    int n = a.size();
    Matrix c(n, std::vector<double>(n, 0.0));
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            for (int k = 0; k < n; k++) {
                c[i][j] += a[i][k] * b[k][j];
            }
        }
    }
    return c;
}

int main() {
    int n;
    unsigned seed;
    std::cin >> n >> seed;
    Matrix m = transition(n, seed);
    for (int step = 0; step < 3; step++) {
        m = multiply(m, m);
    }
    double trace = 0;
    for (int i = 0; i < n; i++) {
        trace += m[i][i];
    }
    std::cout << std::setprecision(12) << trace << std::endl;
    std::cout << m[0][0] << " " << m[0][n - 1] << " " << m[n - 1][0] << " " << m[n - 1][n - 1] << std::endl;
    return 0;
}
