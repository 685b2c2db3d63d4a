// Unites intervals that overlap or touch; prints how many are left, the length that they cover, and each of them.
#include <algorithm>
#include <iostream>
#include <vector>

struct Interval {
    int begin;
    int end;
};

std::vector<Interval> merged(const std::vector<Interval>& sorted) {
    std::vector<Interval> result;
    result.reserve(sorted.size());
    for (const Interval& one : sorted) {
        if (!result.empty() && one.begin <= result.back().end) {
            result.back().end = std::max(result.back().end, one.end);
        } else {
            result.push_back(one);
        }
    }
    return result;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n;
    std::cin >> n;
    std::vector<Interval> intervals(n);
    for (Interval& one : intervals) {
        std::cin >> one.begin >> one.end;
    }
    std::sort(intervals.begin(), intervals.end(), [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
    const std::vector<Interval> result = merged(intervals);
    long long covered = 0;
    for (const Interval& one : result) {
        covered += one.end - one.begin;
    }
    std::cout << result.size() << ' ' << covered << '\n';
    for (const Interval& one : result) {
        std::cout << one.begin << ' ' << one.end << '\n';
    }
    return 0;
}
