// Breadth-first search in a grid: the cells that can be reached, the distance of the farthest, the sum of distances.
#include <algorithm>
#include <iostream>
#include <queue>
#include <utility>
#include <vector>

using Grid = std::vector<std::vector<int>>;

Grid distances(const Grid& walls) {
    const int height = walls.size();
    const int width = walls[0].size();
    Grid distance(height, std::vector<int>(width, -1));
    std::queue<std::pair<int, int>> waiting;
    distance[0][0] = 0;
    waiting.push({0, 0});
    const int step[5] = {0, 1, 0, -1, 0};
    while (!waiting.empty()) {
        const std::pair<int, int> cell = waiting.front();
        waiting.pop();
        for (int d = 0; d < 4; d++) {
            const int row = cell.first + step[d];
            const int column = cell.second + step[d + 1];
            if (row < 0 || column < 0 || row >= height || column >= width) {
                continue;
            }
            if (walls[row][column] == 0 && distance[row][column] < 0) {
                distance[row][column] = distance[cell.first][cell.second] + 1;
                waiting.push({row, column});
            }
        }
    }
    return distance;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int height, width;
    std::cin >> height >> width;
    Grid walls(height, std::vector<int>(width));
    for (auto& row : walls) {
        for (int& cell : row) {
            std::cin >> cell;
        }
    }
    const Grid distance = distances(walls);
    long long total = 0;
    int reached = 0;
    int farthest = 0;
    for (const auto& row : distance) {
        for (int value : row) {
            if (value >= 0) {
                reached++;
                total += value;
                farthest = std::max(farthest, value);
            }
        }
    }
    std::cout << reached << ' ' << farthest << ' ' << total << '\n';
    return 0;
}
