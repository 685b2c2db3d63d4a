// title: keeps a pointer to an array of a function that has returned
// program: best_sum
#include <cstdio>

struct Result {
    long long most, here;
};

static const Result *kept;

static __attribute__((noinline)) void read_all(int n, Result *into) {
    for (int i = 0; i < n; i++) {
        long long value;
        if (std::scanf("%lld", &value) != 1) return;
        into->here = into->here + value > 0 ? into->here + value : 0;
        into->most = into->here > into->most ? into->here : into->most;
    }
}

static __attribute__((noinline)) void solve(int n) {
    Result result{0, 0};
    kept = &result;
    read_all(n, &result);
}

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    solve(n);
    std::printf("%lld\n", kept->most);
}
