// title: takes an index from fresh memory, which is zero by luck
// program: window
#include <cstdio>
#include <cstdlib>
#include <vector>

int main() {
    int n, k;
    if (std::scanf("%d %d", &n, &k) != 2) return 1;
    std::vector<int> values(n), order(n);
    int *ends = static_cast<int *>(std::malloc(8 * sizeof(int)));
    int *head = ends + 5, *tail = ends + 6;
    for (int i = 0; i < n; i++) {
        if (std::scanf("%d", &values[i]) != 1) return 1;
        while (*tail > *head && values[order[*tail - 1]] <= values[i]) --*tail;
        order[(*tail)++] = i;
        if (order[*head] <= i - k) ++*head;
        if (i >= k - 1) std::printf("%d\n", values[order[*head]]);
    }
    std::free(ends);
}
