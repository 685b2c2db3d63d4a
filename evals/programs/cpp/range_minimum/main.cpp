// The smallest of a range of numbers that change, with a segment tree.
#include <algorithm>
#include <iostream>
#include <limits>
#include <vector>

class SegmentTree {
public:
    explicit SegmentTree(const std::vector<int>& numbers) : leaves(numbers.size()), smallest(2 * numbers.size()) {
        std::copy(numbers.begin(), numbers.end(), smallest.begin() + leaves);
        for (int i = leaves - 1; i > 0; i--) {
            smallest[i] = std::min(smallest[2 * i], smallest[2 * i + 1]);
        }
    }

    void set(int place, int value) {
        int i = place + leaves;
        smallest[i] = value;
        for (i /= 2; i > 0; i /= 2) {
            smallest[i] = std::min(smallest[2 * i], smallest[2 * i + 1]);
        }
    }

    int minimum(int first, int last) const {
        int result = std::numeric_limits<int>::max();
        int low = first + leaves;
        int high = last + leaves + 1;
        while (low < high) {
            if (low & 1) {
                result = std::min(result, smallest[low++]);
            }
            if (high & 1) {
                result = std::min(result, smallest[--high]);
            }
            low /= 2;
            high /= 2;
        }
        return result;
    }

private:
    int leaves;
    std::vector<int> smallest;
};

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, steps;
    std::cin >> n >> steps;
    std::vector<int> numbers(n);
    for (int& number : numbers) {
        std::cin >> number;
    }
    SegmentTree tree(numbers);
    for (int i = 0; i < steps; i++) {
        int kind, a, b;
        std::cin >> kind >> a >> b;
        if (kind == 1) {
            tree.set(a, b);
        } else {
            std::cout << tree.minimum(a, b) << '\n';
        }
    }
    return 0;
}
