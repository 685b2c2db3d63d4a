// Floyd and Warshall's distances between all nodes: pairs that are connected, the sum and the largest of the distances.
#include <algorithm>
#include <iostream>
#include <vector>

using Table = std::vector<std::vector<int>>;

const int FAR = 1000000000;

void shorten(Table& distance) {
    const int n = distance.size();
    for (int k = 0; k < n; k++) {
        for (int i = 0; i < n; i++) {
            const int first = distance[i][k];
            if (first == FAR) {
                continue;
            }
            for (int j = 0; j < n; j++) {
                distance[i][j] = std::min(distance[i][j], first + distance[k][j]);
            }
        }
    }
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int nodes, edges;
    std::cin >> nodes >> edges;
    Table distance(nodes, std::vector<int>(nodes, FAR));
    for (int i = 0; i < nodes; i++) {
        distance[i][i] = 0;
    }
    for (int i = 0; i < edges; i++) {
        int from, to, length;
        std::cin >> from >> to >> length;
        distance[from][to] = std::min(distance[from][to], length);
    }
    shorten(distance);
    long long total = 0;
    int connected = 0;
    int largest = 0;
    for (const auto& row : distance) {
        for (int value : row) {
            if (value < FAR) {
                connected++;
                total += value;
                largest = std::max(largest, value);
            }
        }
    }
    std::cout << connected << ' ' << total << ' ' << largest << '\n';
    return 0;
}
