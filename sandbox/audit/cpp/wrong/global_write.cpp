// title: counts in one cell more than a global array has
// program: window
#include <cstdio>
#include <vector>

static int counts[5];
static int spare[64];

int main() {
    int n, k;
    if (std::scanf("%d %d", &n, &k) != 2) return spare[0];
    std::vector<int> values(n), order(n);
    int *at = counts;
    int head = 0, tail = 0;
    for (int i = 0; i < n; i++) {
        if (std::scanf("%d", &values[i]) != 1) return 1;
        at[i % 6]++;
        while (tail > head && values[order[tail - 1]] <= values[i]) tail--;
        order[tail++] = i;
        if (order[head] <= i - k) head++;
        if (i >= k - 1) std::printf("%d\n", values[order[head]]);
    }
    return counts[0] < 0;
}
