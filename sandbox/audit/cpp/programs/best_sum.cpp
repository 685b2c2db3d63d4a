// The largest sum of consecutive values, 0 for none.
#include <cstdio>
#include <vector>

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<long long> values(n);
    for (auto &value : values)
        if (std::scanf("%lld", &value) != 1) return 1;
    long long most = 0;
    for (int i = 0; i < n; i++) {
        long long sum = 0;
        for (int j = i; j < n; j++) {
            sum += values[j];
            if (sum > most) most = sum;
        }
    }
    std::printf("%lld\n", most);
}
