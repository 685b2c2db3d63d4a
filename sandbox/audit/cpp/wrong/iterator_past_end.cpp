// title: reads through the end iterator, into room that the vector has not used
// program: window
#include <algorithm>
#include <cstdio>
#include <vector>

int main() {
    int n, k;
    if (std::scanf("%d %d", &n, &k) != 2) return 1;
    std::vector<int> values, order(n + 1);
    values.reserve(2 * n + 8);
    int head = 0, tail = 0, last = 0;
    for (int i = 0; i < n; i++) {
        int value;
        if (std::scanf("%d", &value) != 1) return 1;
        values.push_back(value);
        const auto found = std::find(values.end() - 1, values.end(), value + 1);
        last = *found;
        while (tail > head && values[order[tail - 1]] <= value) tail--;
        order[tail++] = i;
        if (order[head] <= i - k) head++;
        if (i >= k - 1) std::printf("%d\n", values[order[head]]);
    }
    return last == 1 << 30;
}
