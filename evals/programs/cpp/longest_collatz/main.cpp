// The number up to n whose Collatz sequence is longest, that length, and the sum of all lengths, which are remembered.
#include <iostream>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    std::vector<int> length(n + 1, 0);
    length[1] = 1;
    int best = 1;
    long long total = 1;
    for (int start = 2; start <= n; start++) {
        long long number = start;
        int steps = 0;
        while (number >= start) {
            number = number % 2 == 0 ? number / 2 : 3 * number + 1;
            steps++;
        }
        length[start] = length[number] + steps;
        total += length[start];
        if (length[start] > length[best]) {
            best = start;
        }
    }
    std::cout << best << ' ' << length[best] << ' ' << total << '\n';
    return 0;
}
