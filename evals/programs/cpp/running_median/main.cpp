// The lower median after each number, with a heap of the lower half and one of the upper half.
#include <functional>
#include <iostream>
#include <queue>
#include <vector>

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n;
    std::cin >> n;
    std::priority_queue<int> lower;
    std::priority_queue<int, std::vector<int>, std::greater<int>> upper;
    long long total = 0;
    for (int i = 0; i < n; i++) {
        int number;
        std::cin >> number;
        if (lower.empty() || number <= lower.top()) {
            lower.push(number);
        } else {
            upper.push(number);
        }
        if (lower.size() > upper.size() + 1) {
            upper.push(lower.top());
            lower.pop();
        } else if (upper.size() > lower.size()) {
            lower.push(upper.top());
            upper.pop();
        }
        total += lower.top();
        std::cout << lower.top() << '\n';
    }
    std::cout << total << '\n';
    return 0;
}
