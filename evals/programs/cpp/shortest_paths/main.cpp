// Dijkstra's shortest paths from node 0: each node's distance, -1 where there is no way.
#include <functional>
#include <iostream>
#include <queue>
#include <utility>
#include <vector>

struct Edge {
    int to;
    int length;
};

using Graph = std::vector<std::vector<Edge>>;

std::vector<long long> distances(const Graph& graph, int start) {
    using Entry = std::pair<long long, int>;
    std::vector<long long> distance(graph.size(), -1);
    std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> waiting;
    waiting.push({0, start});
    while (!waiting.empty()) {
        const Entry nearest = waiting.top();
        waiting.pop();
        if (distance[nearest.second] >= 0) {
            continue;
        }
        distance[nearest.second] = nearest.first;
        for (const Edge& edge : graph[nearest.second]) {
            if (distance[edge.to] < 0) {
                waiting.push({nearest.first + edge.length, edge.to});
            }
        }
    }
    return distance;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int nodes, edges;
    std::cin >> nodes >> edges;
    Graph graph(nodes);
    for (int i = 0; i < edges; i++) {
        int from;
        Edge edge;
        std::cin >> from >> edge.to >> edge.length;
        graph[from].push_back(edge);
    }
    for (long long distance : distances(graph, 0)) {
        std::cout << distance << '\n';
    }
    return 0;
}
