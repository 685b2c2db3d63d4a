// The convex hull of points (Andrew's monotone chain): how many corners, twice its area, and each corner.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <vector>

struct Point {
    long long x;
    long long y;
};

bool operator<(const Point& a, const Point& b) { return a.x < b.x || (a.x == b.x && a.y < b.y); }

bool operator==(const Point& a, const Point& b) { return a.x == b.x && a.y == b.y; }

long long turn(const Point& a, const Point& b, const Point& c) {
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

std::vector<Point> hull(const std::vector<Point>& sorted) {
    const int n = sorted.size();
    if (n < 3) {
        return sorted;
    }
    std::vector<Point> corners;
    corners.reserve(2 * n);
    for (int i = 0; i < n; i++) {
        while (corners.size() >= 2 && turn(corners[corners.size() - 2], corners.back(), sorted[i]) <= 0) {
            corners.pop_back();
        }
        corners.push_back(sorted[i]);
    }
    const std::size_t lower = corners.size() + 1;
    for (int i = n - 2; i >= 0; i--) {
        while (corners.size() >= lower && turn(corners[corners.size() - 2], corners.back(), sorted[i]) <= 0) {
            corners.pop_back();
        }
        corners.push_back(sorted[i]);
    }
    corners.pop_back();
    return corners;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n;
    std::cin >> n;
    std::vector<Point> points(n);
    for (Point& point : points) {
        std::cin >> point.x >> point.y;
    }
    std::sort(points.begin(), points.end());
    points.erase(std::unique(points.begin(), points.end()), points.end());
    const std::vector<Point> corners = hull(points);
    long long area = 0;
    for (std::size_t i = 0; i < corners.size(); i++) {
        const Point& a = corners[i];
        const Point& b = corners[(i + 1) % corners.size()];
        area += a.x * b.y - a.y * b.x;
    }
    std::cout << corners.size() << ' ' << std::abs(area) << '\n';
    for (const Point& corner : corners) {
        std::cout << corner.x << ' ' << corner.y << '\n';
    }
    return 0;
}
