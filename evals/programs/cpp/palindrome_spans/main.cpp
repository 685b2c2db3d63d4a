// Manacher's palindromes: how many runs of neighbours read the same backwards, and the length of the longest.
#include <algorithm>
#include <iostream>
#include <vector>

std::vector<int> radii(const std::vector<int>& spaced) {
    const int n = spaced.size();
    std::vector<int> radius(n, 0);
    int centre = 0;
    int right = 0;
    for (int i = 0; i < n; i++) {
        if (i < right) {
            radius[i] = std::min(right - i, radius[2 * centre - i]);
        }
        while (i - radius[i] - 1 >= 0 && i + radius[i] + 1 < n && spaced[i - radius[i] - 1] == spaced[i + radius[i] + 1]) {
            radius[i]++;
        }
        if (i + radius[i] > right) {
            centre = i;
            right = i + radius[i];
        }
    }
    return radius;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n;
    std::cin >> n;
    std::vector<int> spaced;
    spaced.reserve(2 * n + 1);
    spaced.push_back(-1);
    for (int i = 0; i < n; i++) {
        int number;
        std::cin >> number;
        spaced.push_back(number);
        spaced.push_back(-1);
    }
    long long total = 0;
    int longest = 0;
    for (int radius : radii(spaced)) {
        total += (radius + 1) / 2;
        longest = std::max(longest, radius);
    }
    std::cout << total << ' ' << longest << '\n';
    return 0;
}
