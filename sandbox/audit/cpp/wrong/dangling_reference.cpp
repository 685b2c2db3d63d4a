// title: a reference into a vector that has grown since
// program: best_sum
#include <cstdio>
#include <vector>

static __attribute__((noinline)) void grow(std::vector<long long> &into) { into.resize(2 * into.size() + 1000); }

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<long long> state(8);
    long long &most = state[6];
    long long here = 0;
    for (int i = 0; i < n; i++) {
        long long value;
        if (std::scanf("%lld", &value) != 1) return 1;
        here = here + value > 0 ? here + value : 0;
        if (here > most) most = here;
    }
    grow(state);
    std::printf("%lld\n", most);
}
