// title: one pass with a running sum
// program: best_sum
#include <algorithm>
#include <cstdio>

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    long long most = 0, here = 0;
    for (int i = 0; i < n; i++) {
        long long value;
        if (std::scanf("%lld", &value) != 1) return 1;
        here = std::max(here + value, 0LL);
        most = std::max(most, here);
    }
    std::printf("%lld\n", most);
}
