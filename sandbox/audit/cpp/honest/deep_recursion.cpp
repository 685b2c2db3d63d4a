// title: recursion as deep as the input is long, which fits the stack
// program: best_sum
#include <algorithm>
#include <cstdio>
#include <vector>

static __attribute__((noinline)) long long from(const std::vector<long long> &values, std::size_t at, long long here, long long most) {
    if (at == values.size()) return most;
    long long parts[4] = {here, values[at], here + values[at], 0};
    const long long best = *std::max_element(parts + 2, parts + 4);
    return from(values, at + 1, best, std::max(most, best)) + (parts[0] - here);
}

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<long long> values(n);
    for (auto &value : values)
        if (std::scanf("%lld", &value) != 1) return 1;
    std::printf("%lld\n", from(values, 0, 0, 0));
}
