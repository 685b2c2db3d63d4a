// title: branches on memory that it never wrote, to the same answer whatever is there
// program: best_sum
#include <cstdio>
#include <cstdlib>

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    int *fresh = static_cast<int *>(std::malloc(64));
    int large = 0;
    long long most = 0, here = 0;
    for (int i = 0; i < n; i++) {
        long long value;
        if (std::scanf("%lld", &value) != 1) return 1;
        if (fresh[i % 16] > 5) large++;
        here = here + value > 0 ? here + value : 0;
        if (here > most) most = here;
    }
    std::printf("%lld\n", most);
    std::free(fresh);
    return large > n;
}
