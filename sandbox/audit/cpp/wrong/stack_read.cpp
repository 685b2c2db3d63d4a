// title: reads a block of values ahead by one, past the end of an array on the stack
// program: best_sum
#include <cstdio>

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    long long block[4];
    const long long *at = block;
    long long most = 0, here = 0;
    for (int first = 0; first < n; first += 4) {
        const int count = n - first < 4 ? n - first : 4;
        for (int i = 0; i < count; i++)
            if (std::scanf("%lld", &block[i]) != 1) return 1;
        long long next = at[0];
        for (int i = 0; i < count; i++) {
            here = here + next > 0 ? here + next : 0;
            if (here > most) most = here;
            next = at[i + 1];
        }
    }
    std::printf("%lld\n", most);
}
