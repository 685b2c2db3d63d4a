// title: remainders counted, values counted
// task: pairs
// expect: ok
// needs: g++

#include <cstdio>
#include <unordered_map>
#include <algorithm>

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    long long rest[7] = {0}, pairs = 0;
    int most = 0, value;
    std::unordered_map<int, int> times;
    for (int i = 0; i < n; i++) {
        if (std::scanf("%d", &value) != 1) return 1;
        pairs += rest[(7 - value % 7) % 7];
        rest[value % 7]++;
        most = std::max(most, ++times[value]);
    }
    std::printf("%lld %d\n", pairs, most);
}
