// title: compares with the value before the first one of a global array
// program: window
#include <cstdio>

static int before[4];
static int values[1 << 22];
static int order[1 << 22];

int main() {
    int n, k;
    if (std::scanf("%d %d", &n, &k) != 2 || n > 1 << 22) return before[0] + 1;
    const int *at = values;
    int head = 0, tail = 0, rises = 0;
    for (int i = 0; i < n; i++) {
        if (std::scanf("%d", &values[i]) != 1) return 1;
        rises += at[i - 1] < at[i];
        while (tail > head && values[order[tail - 1]] <= values[i]) tail--;
        order[tail++] = i;
        if (order[head] <= i - k) head++;
        if (i >= k - 1) std::printf("%d\n", values[order[head]]);
    }
    return rises > n;
}
