// title: looks behind a span, at what is there in the vector
// program: window
// flags: -std=c++20
#include <cstdio>
#include <span>
#include <vector>

static __attribute__((noinline)) int largest(std::span<const int> part) {
    int most = part[0];
    for (std::size_t i = 0; i < part.size(); i++) {
        const int next = part[i + 1];
        most = next > most && i + 1 < part.size() ? next : most;
    }
    return most;
}

int main() {
    int n, k;
    if (std::scanf("%d %d", &n, &k) != 2) return 1;
    std::vector<int> values(n + 1);
    for (int i = 0; i < n; i++)
        if (std::scanf("%d", &values[i]) != 1) return 1;
    int most = 0, place = -1;
    for (int i = 0; i + k <= n; i++) {
        if (place < i) {
            most = largest(std::span<const int>(values).subspan(i, k));
            for (place = i + k - 1; values[place] != most;) place--;
        } else if (values[i + k - 1] >= most) {
            most = values[place = i + k - 1];
        }
        std::printf("%d\n", most);
    }
}
