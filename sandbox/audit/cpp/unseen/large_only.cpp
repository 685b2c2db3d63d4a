// title: past the end of an array that is long enough for the inputs of the check
// program: best_sum
#include <cstdio>

static int spare[1 << 22];
static int recent[20000];
static int more[1 << 22];

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return spare[1] + more[1] + 1;
    int *at = recent;
    long long most = 0, here = 0;
    for (int i = 0; i < n; i++) {
        if (std::scanf("%d", &at[i]) != 1) return 1;
        here = here + at[i] > 0 ? here + at[i] : 0;
        if (here > most) most = here;
    }
    std::printf("%lld\n", most);
}
