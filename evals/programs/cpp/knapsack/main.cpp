// The 0/1 knapsack: the best value of items that fit, with one row of the table, and the least weight that reaches it.
#include <algorithm>
#include <iostream>
#include <vector>

struct Item {
    int weight;
    int value;
};

std::vector<int> best_values(const std::vector<Item>& items, int capacity) {
    std::vector<int> best(capacity + 1, 0);
    for (const Item& item : items) {
        for (int room = capacity; room >= item.weight; room--) {
            best[room] = std::max(best[room], best[room - item.weight] + item.value);
        }
    }
    return best;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, capacity;
    std::cin >> n >> capacity;
    std::vector<Item> items;
    items.reserve(n);
    for (int i = 0; i < n; i++) {
        Item item;
        std::cin >> item.weight >> item.value;
        items.push_back(item);
    }
    const std::vector<int> best = best_values(items, capacity);
    const auto least = std::lower_bound(best.begin(), best.end(), best.back());
    std::cout << best.back() << ' ' << (least - best.begin()) << '\n';
    return 0;
}
