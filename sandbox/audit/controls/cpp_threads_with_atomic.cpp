// title: two threads take rows from an atomic counter
// task: matmul
// expect: ok
// threads: 2

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

static std::string solve(int n, unsigned seed) {
    std::vector<double> a(n * n), b(n * n), sums(n), tops(n);
    for (auto *matrix : {&a, &b})
        for (double &value : *matrix) {
            seed = seed * 1664525u + 1013904223u;
            value = (int)(seed >> 8) / 8388608.0 - 1.0;
        }
    std::atomic<int> next{0};
    auto work = [&] {
        for (int i; (i = next++) < n;) {
            std::vector<double> cells(n);
            for (int k = 0; k < n; k++)
                for (int j = 0; j < n; j++) cells[j] += a[i * n + k] * b[k * n + j];
            double sum = 0, most = -1e300;
            for (double cell : cells) {
                sum += cell;
                most = cell > most ? cell : most;
            }
            sums[i] = sum;
            tops[i] = most;
        }
    };
    std::thread other(work);
    work();
    other.join();

    std::string out;
    char line[64];
    for (int i = 0; i < n; i++) out.append(line, std::snprintf(line, sizeof line, "%.10g %.10g\n", sums[i], tops[i]));
    return out;
}

int main() {
    int n;
    unsigned seed;
    if (std::scanf("%d %u", &n, &seed) != 2) return 1;
    std::fputs(solve(n, seed).c_str(), stdout);
}
