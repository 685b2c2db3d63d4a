// A cache that drops what was used longest ago: hits, misses, and the keys that are left, the latest first.
#include <iostream>
#include <list>
#include <unordered_map>

class Cache {
public:
    explicit Cache(std::size_t room) : room(room) { places.reserve(room + 1); }

    bool use(int key) {
        auto found = places.find(key);
        if (found != places.end()) {
            order.splice(order.begin(), order, found->second);
            return true;
        }
        order.push_front(key);
        places[key] = order.begin();
        if (order.size() > room) {
            places.erase(order.back());
            order.pop_back();
        }
        return false;
    }

    const std::list<int>& latest_first() const { return order; }

private:
    std::size_t room;
    std::list<int> order;
    std::unordered_map<int, std::list<int>::iterator> places;
};

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, room;
    std::cin >> n >> room;
    Cache cache(room);
    int hits = 0;
    for (int i = 0; i < n; i++) {
        int key;
        std::cin >> key;
        hits += cache.use(key);
    }
    std::cout << hits << ' ' << n - hits << '\n';
    for (int key : cache.latest_first()) {
        std::cout << key << '\n';
    }
    return 0;
}
