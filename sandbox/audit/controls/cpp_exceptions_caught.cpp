// title: numbers by std::stoi, whose exceptions are caught
// task: inversions
// expect: ok

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

static std::vector<int> numbers() {
    std::ios::sync_with_stdio(false);
    std::vector<int> found;
    try {
        for (std::string word;;) {
            std::cin >> word;
            if (!std::cin) throw std::out_of_range("the end of the input");
            found.push_back(std::stoi(word));
        }
    } catch (const std::out_of_range &) {
        return found;
    } catch (const std::invalid_argument &) {
        std::exit(1);
    }
}

int main() {
    std::vector<int> values = numbers();
    values.erase(values.begin());
    std::vector<int> sorted(values), tree(values.size() + 1);
    std::sort(sorted.begin(), sorted.end());
    long long total = 0;
    for (size_t i = 0; i < values.size(); i++) {
        const size_t rank = std::upper_bound(sorted.begin(), sorted.end(), values[i]) - sorted.begin();
        int larger = (int)i;
        for (size_t k = rank; k > 0; k -= k & -k) larger -= tree[k];
        for (size_t k = rank; k < tree.size(); k += k & -k) tree[k]++;
        total += larger;
        std::cout << larger << '\n';
    }
    std::cout << total << '\n';
}
