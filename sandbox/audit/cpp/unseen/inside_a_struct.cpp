// title: past an array of a struct, into the next one of the same struct, by a pointer
// program: best_sum
#include <cstdio>

struct State {
    long long recent[2];
    long long spare[2];
};

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    State state{};
    long long *at = state.recent;
    long long most = 0, here = 0;
    for (int i = 0; i < n; i++) {
        if (std::scanf("%lld", &at[i % 3]) != 1) return 1;
        here = here + at[i % 3] > 0 ? here + at[i % 3] : 0;
        if (here > most) most = here;
    }
    std::printf("%lld\n", most);
}
