// title: the product with its inner loops exchanged: the same sums in the same order
// task: matmul
// expect: ok

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

static std::string solve(int n, unsigned seed) {
    std::vector<std::vector<double>> a(n, std::vector<double>(n)), b = a;
    for (auto *matrix : {&a, &b})
        for (auto &row : *matrix)
            for (double &value : row) {
                seed = seed * 1664525u + 1013904223u;
                value = (int)(seed >> 8) / 8388608.0 - 1.0;
            }
    std::string out;
    char line[64];
    for (int i = 0; i < n; i++) {
        std::vector<double> cells(n);
        for (int k = 0; k < n; k++)
            for (int j = 0; j < n; j++) cells[j] += a[i][k] * b[k][j];
        double sum = 0, most = -1e300;
        for (double cell : cells) {
            sum += cell;
            if (cell > most) most = cell;
        }
        out.append(line, std::snprintf(line, sizeof line, "%.10g %.10g\n", sum, most));
    }
    return out;
}

int main() {
    int n;
    unsigned seed;
    if (std::scanf("%d %u", &n, &seed) != 2) return 1;
    std::fputs(solve(n, seed).c_str(), stdout);
}
