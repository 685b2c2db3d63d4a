// Pairs that stand in the wrong order, counted with a Fenwick tree over the ranks of the numbers.
#include <algorithm>
#include <iostream>
#include <vector>

class Fenwick {
public:
    explicit Fenwick(int n) : sums(n + 1, 0) {}

    void add(int place) {
        for (int i = place + 1; i < static_cast<int>(sums.size()); i += i & -i) {
            sums[i]++;
        }
    }

    long long up_to(int place) const {
        long long total = 0;
        for (int i = place + 1; i > 0; i -= i & -i) {
            total += sums[i];
        }
        return total;
    }

private:
    std::vector<long long> sums;
};

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n;
    std::cin >> n;
    std::vector<int> numbers(n);
    for (int& number : numbers) {
        std::cin >> number;
    }
    std::vector<int> ranks = numbers;
    std::sort(ranks.begin(), ranks.end());
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
    Fenwick seen(ranks.size());
    long long wrong = 0;
    for (int i = 0; i < n; i++) {
        const int rank = std::lower_bound(ranks.begin(), ranks.end(), numbers[i]) - ranks.begin();
        wrong += i - seen.up_to(rank);
        seen.add(rank);
    }
    std::cout << ranks.size() << ' ' << wrong << '\n';
    return 0;
}
