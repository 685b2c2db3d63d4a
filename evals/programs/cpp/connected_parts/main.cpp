// Connected parts of a graph by union and find: after each edge how many there are, at the end the size of the largest.
#include <algorithm>
#include <iostream>
#include <numeric>
#include <utility>
#include <vector>

int root_of(std::vector<int>& parent, int node) {
    while (parent[node] != node) {
        parent[node] = parent[parent[node]];
        node = parent[node];
    }
    return node;
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int nodes, edges;
    std::cin >> nodes >> edges;
    std::vector<int> parent(nodes);
    std::iota(parent.begin(), parent.end(), 0);
    std::vector<int> members(nodes, 1);
    int parts = nodes;
    for (int i = 0; i < edges; i++) {
        int a, b;
        std::cin >> a >> b;
        a = root_of(parent, a);
        b = root_of(parent, b);
        if (a != b) {
            if (members[a] < members[b]) {
                std::swap(a, b);
            }
            parent[b] = a;
            members[a] += members[b];
            parts--;
        }
        std::cout << parts << '\n';
    }
    std::cout << *std::max_element(members.begin(), members.end()) << '\n';
    return 0;
}
