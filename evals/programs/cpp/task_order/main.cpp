// An order in which tasks can be done, the smallest number first where there is a choice, and the longest chain of them.
#include <algorithm>
#include <functional>
#include <iostream>
#include <queue>
#include <vector>

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int tasks, rules;
    std::cin >> tasks >> rules;
    std::vector<std::vector<int>> after(tasks);
    std::vector<int> open(tasks, 0);
    for (int i = 0; i < rules; i++) {
        int first, then;
        std::cin >> first >> then;
        after[first].push_back(then);
        open[then]++;
    }
    std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
    for (int task = 0; task < tasks; task++) {
        if (open[task] == 0) {
            ready.push(task);
        }
    }
    std::vector<int> chain(tasks, 1);
    int longest = 0;
    while (!ready.empty()) {
        const int task = ready.top();
        ready.pop();
        std::cout << task << '\n';
        longest = std::max(longest, chain[task]);
        for (int next : after[task]) {
            chain[next] = std::max(chain[next], chain[task] + 1);
            if (--open[next] == 0) {
                ready.push(next);
            }
        }
    }
    std::cout << longest << '\n';
    return 0;
}
