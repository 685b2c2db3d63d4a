// title: clears one cell more than an array on the stack has
// program: best_sum
#include <cstdio>

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    long long recent[3];
    long long *at = recent;
    for (int i = 0; i <= 3 - (n == 0); i++) at[i] = 0;
    long long most = 0, here = 0;
    for (int i = 0; i < n; i++) {
        if (std::scanf("%lld", &recent[i % 3]) != 1) return 1;
        here = here + recent[i % 3] > 0 ? here + recent[i % 3] : 0;
        if (here > most) most = here;
    }
    std::printf("%lld\n", most);
}
