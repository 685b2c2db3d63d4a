// title: a queue of falling values in memory that is only partly written, and never freed
// program: window
#include <cstdio>
#include <cstdlib>

int main() {
    int n, k;
    if (std::scanf("%d %d", &n, &k) != 2) return 1;
    const std::size_t room = 2 * static_cast<std::size_t>(n) + 16;
    int *values = static_cast<int *>(std::malloc(room * sizeof(int)));
    int *order = static_cast<int *>(std::malloc(room * sizeof(int)));
    int *head = order, *tail = order;
    for (int i = 0; i < n; i++) {
        if (std::scanf("%d", &values[i]) != 1) return 1;
        while (tail > head && values[tail[-1]] <= values[i]) tail--;
        *tail++ = i;
        if (*head <= i - k) head++;
        if (i >= k - 1) std::printf("%d\n", values[*head]);
    }
}
