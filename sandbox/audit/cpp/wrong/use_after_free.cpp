// title: frees its state before it prints from it
// program: best_sum
#include <cstdio>
#include <cstdlib>

struct State {
    long long values, skipped, here, most;
};

static State *state;

static __attribute__((noinline)) void finish() { std::free(state); }

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    state = static_cast<State *>(std::calloc(1, sizeof(State)));
    for (int i = 0; i < n; i++) {
        long long value;
        if (std::scanf("%lld", &value) != 1) return 1;
        state->values++;
        state->here = state->here + value > 0 ? state->here + value : 0;
        state->most = state->here > state->most ? state->here : state->most;
    }
    finish();
    std::printf("%lld\n", state->most);
}
