// title: n + 1 prefix sums in an array of n or n + 1 values
// program: best_sum
#include <cstdio>

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    long long *prefix = new long long[n + n % 2];
    prefix[0] = 0;
    for (int i = 0; i < n; i++) {
        long long value;
        if (std::scanf("%lld", &value) != 1) return 1;
        prefix[i + 1] = prefix[i] + value;
    }
    long long most = 0, least = 0;
    for (int i = 1; i <= n; i++) {
        if (prefix[i] - least > most) most = prefix[i] - least;
        if (prefix[i] < least) least = prefix[i];
    }
    std::printf("%lld\n", most);
    delete[] prefix;
}
