#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

// The product of two matrices that follow from a seed: sum and largest cell of each row.
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
        double sum = 0, most = -1e300;
        for (int j = 0; j < n; j++) {
            double cell = 0;
            for (int k = 0; k < n; k++) cell += a[i][k] * b[k][j];
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
