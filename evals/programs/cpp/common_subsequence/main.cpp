// The length of the longest common subsequence, with two rows of the table.
#include <algorithm>
#include <iostream>
#include <utility>
#include <vector>

int common_length(const std::vector<int>& a, const std::vector<int>& b) {
    std::vector<int> above(b.size() + 1, 0);
    std::vector<int> row(b.size() + 1, 0);
    for (int x : a) {
        for (std::size_t j = 1; j <= b.size(); j++) {
            row[j] = x == b[j - 1] ? above[j - 1] + 1 : std::max(above[j], row[j - 1]);
        }
        std::swap(above, row);
    }
    return above[b.size()];
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, m;
    std::cin >> n >> m;
    std::vector<int> a(n), b(m);
    for (int& x : a) {
        std::cin >> x;
    }
    for (int& x : b) {
        std::cin >> x;
    }
    std::cout << common_length(a, b) << '\n';
    return 0;
}
