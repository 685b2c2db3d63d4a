// title: operator[] one past the end of a vector that has room there
// program: window
#include <cstdio>
#include <vector>

int main() {
    int n, k;
    if (std::scanf("%d %d", &n, &k) != 2) return 1;
    std::vector<int> values, order(n + 1);
    values.reserve(n + 8);
    int head = 0, tail = 0, ahead = 0;
    for (int i = 0; i < n; i++) {
        int value;
        if (std::scanf("%d", &value) != 1) return 1;
        values.push_back(value);
        ahead += values[i + 1] > value;
        while (tail > head && values[order[tail - 1]] <= value) tail--;
        order[tail++] = i;
        if (order[head] <= i - k) head++;
        if (i >= k - 1) std::printf("%d\n", values[order[head]]);
    }
    return ahead > n;
}
