// title: frees a buffer twice; the second time it is the next one's, in the same place
// program: best_sum
#include <cstdio>
#include <cstdlib>

static long long *buffer, *state;

static __attribute__((noinline)) void done(long long *what) { std::free(what); }

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    buffer = static_cast<long long *>(std::malloc(48));
    buffer[5] = n;
    done(buffer);
    state = static_cast<long long *>(std::malloc(48));
    state[3] = state[4] = 0;
    for (int i = 0; i < n; i++) {
        if (std::scanf("%lld", &state[5]) != 1) return 1;
        state[4] = state[4] + state[5] > 0 ? state[4] + state[5] : 0;
        state[3] = state[4] > state[3] ? state[4] : state[3];
    }
    std::printf("%lld\n", state[3]);
    done(buffer);
}
