// Kruskal's minimum spanning tree: its weight, its heaviest edge, and the number of edges that were looked at.
#include <algorithm>
#include <iostream>
#include <numeric>
#include <vector>

struct Edge {
    int from;
    int to;
    int weight;
};

struct Tree {
    long long weight;
    int heaviest;
    int looked_at;
};

int root_of(std::vector<int>& parent, int node) {
    while (parent[node] != node) {
        parent[node] = parent[parent[node]];
        node = parent[node];
    }
    return node;
}

Tree spanning_tree(const std::vector<Edge>& sorted, int nodes) {
    std::vector<int> parent(nodes);
    std::iota(parent.begin(), parent.end(), 0);
    Tree tree{0, 0, 0};
    int left = nodes - 1;
    for (const Edge& edge : sorted) {
        if (left == 0) {
            break;
        }
        tree.looked_at++;
        const int a = root_of(parent, edge.from);
        const int b = root_of(parent, edge.to);
        if (a != b) {
            parent[a] = b;
            tree.weight += edge.weight;
            tree.heaviest = edge.weight;
            left--;
        }
    }
    return tree;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int nodes, count;
    std::cin >> nodes >> count;
    std::vector<Edge> edges;
    edges.reserve(count);
    for (int i = 0; i < count; i++) {
        Edge edge;
        std::cin >> edge.from >> edge.to >> edge.weight;
        edges.push_back(edge);
    }
    std::stable_sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) { return a.weight < b.weight; });
    const Tree tree = spanning_tree(edges, nodes);
    std::cout << tree.weight << ' ' << tree.heaviest << ' ' << tree.looked_at << '\n';
    return 0;
}
