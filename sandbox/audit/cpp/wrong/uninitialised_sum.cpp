// title: counts in fresh memory, which is zero by luck
// program: ranks
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

int main() {
    int *same = static_cast<int *>(std::malloc(64 * sizeof(int)));
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<std::string> words(n);
    char text[64];
    for (auto &word : words) {
        if (std::scanf("%63s", text) != 1) return 1;
        word = text;
        same[8]++;
    }
    auto sorted = words;
    std::sort(sorted.begin(), sorted.end());
    for (const auto &word : words) {
        const long rank = std::lower_bound(sorted.begin(), sorted.end(), word) - sorted.begin();
        std::printf("%ld\n", rank + same[8] - n);
    }
}
