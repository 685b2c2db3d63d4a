// The largest value of each window of k values.
#include <cstdio>
#include <vector>

int main() {
    int n, k;
    if (std::scanf("%d %d", &n, &k) != 2) return 1;
    std::vector<int> values(n);
    for (auto &value : values)
        if (std::scanf("%d", &value) != 1) return 1;
    for (int i = 0; i + k <= n; i++) {
        int most = values[i];
        for (int j = i + 1; j < i + k; j++) {
            if (values[j] > most) most = values[j];
        }
        std::printf("%d\n", most);
    }
}
