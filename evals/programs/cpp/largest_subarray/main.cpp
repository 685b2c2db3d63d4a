// The largest sum of neighbouring numbers (Kadane), and the places where the first such run begins and ends.
#include <iostream>
#include <vector>

struct Run {
    long long sum;
    int begin;
    int end;
};

Run largest_run(const std::vector<int>& numbers) {
    Run best{numbers[0], 0, 0};
    Run current{numbers[0], 0, 0};
    for (int i = 1; i < static_cast<int>(numbers.size()); i++) {
        if (current.sum < 0) {
            current = Run{numbers[i], i, i};
        } else {
            current.sum += numbers[i];
            current.end = i;
        }
        if (current.sum > best.sum) {
            best = current;
        }
    }
    return best;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n;
    std::cin >> n;
    std::vector<int> numbers;
    numbers.reserve(n);
    for (int i = 0; i < n; i++) {
        int number;
        std::cin >> number;
        numbers.push_back(number);
    }
    const Run best = largest_run(numbers);
    std::cout << best.sum << ' ' << best.begin << ' ' << best.end << '\n';
    return 0;
}
