#include <cstdio>
#include <vector>

// How many pairs add up to a multiple of 7, and the largest number of equal ones.
int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<int> values(n);
    for (int &value : values)
        if (std::scanf("%d", &value) != 1) return 1;
    long long pairs = 0;
    int most = 0;
    for (int i = 0; i < n; i++) {
        int equal = 0;
        for (int j = 0; j < n; j++) {
            if (j > i && (values[i] + values[j]) % 7 == 0) pairs++;
            if (values[i] == values[j]) equal++;
        }
        if (equal > most) most = equal;
    }
    std::printf("%lld %d\n", pairs, most);
}
