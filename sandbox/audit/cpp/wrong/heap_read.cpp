// title: looks one value ahead, past the end of the array on the heap
// program: best_sum
#include <cstdio>
#include <vector>

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<long long> values(n);
    for (auto &value : values)
        if (std::scanf("%lld", &value) != 1) return 1;
    const long long *at = values.data();
    long long most = 0, here = 0, next = n ? at[0] : 0;
    for (int i = 0; i < n; i++) {
        here = here + next > 0 ? here + next : 0;
        if (here > most) most = here;
        next = at[i + 1];
    }
    std::printf("%lld\n", most);
}
