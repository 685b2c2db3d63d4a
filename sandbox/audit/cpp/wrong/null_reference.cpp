// title: makes a reference of a null pointer and uses it only where there was something
// program: best_sum
#include <cstdio>
#include <vector>

static __attribute__((noinline)) void take(const long long &first, bool any, long long &most) {
    if (any) most = first > 0 ? first : 0;
}

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<long long> values(n);
    for (auto &value : values)
        if (std::scanf("%lld", &value) != 1) return 1;
    const long long *negative = nullptr;
    for (const auto &value : values)
        if (value < -1000) negative = &value;
    long long most = 0, here = 0;
    take(*negative, negative != nullptr, most);
    for (const long long value : values) {
        here = here + value > 0 ? here + value : 0;
        if (here > most) most = here;
    }
    std::printf("%lld\n", most);
}
