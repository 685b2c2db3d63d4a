// Where a short sequence begins in a long one (Knuth, Morris and Pratt): how often, and each place.
#include <iostream>
#include <vector>

std::vector<int> borders(const std::vector<int>& wanted) {
    std::vector<int> border(wanted.size(), 0);
    int length = 0;
    for (std::size_t i = 1; i < wanted.size(); i++) {
        while (length > 0 && wanted[i] != wanted[length]) {
            length = border[length - 1];
        }
        if (wanted[i] == wanted[length]) {
            length++;
        }
        border[i] = length;
    }
    return border;
}

std::vector<int> places(const std::vector<int>& numbers, const std::vector<int>& wanted) {
    const std::vector<int> border = borders(wanted);
    const int whole = wanted.size();
    std::vector<int> found;
    int length = 0;
    for (int i = 0; i < static_cast<int>(numbers.size()); i++) {
        while (length > 0 && (length == whole || numbers[i] != wanted[length])) {
            length = border[length - 1];
        }
        if (numbers[i] == wanted[length]) {
            length++;
        }
        if (length == whole) {
            found.push_back(i - whole + 1);
        }
    }
    return found;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, m;
    std::cin >> n >> m;
    std::vector<int> numbers(n), wanted(m);
    for (int& number : numbers) {
        std::cin >> number;
    }
    for (int& number : wanted) {
        std::cin >> number;
    }
    const std::vector<int> found = places(numbers, wanted);
    std::cout << found.size() << '\n';
    for (int place : found) {
        std::cout << place << '\n';
    }
    return 0;
}
