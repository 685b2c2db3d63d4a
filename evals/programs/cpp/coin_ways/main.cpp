// In how many ways coins make up a sum (modulo 1000000007), and the least number of coins that do (-1: none do).
#include <algorithm>
#include <iostream>
#include <vector>

const long long MODULUS = 1000000007;

long long ways(const std::vector<int>& coins, int sum) {
    std::vector<long long> count(sum + 1, 0);
    count[0] = 1;
    for (int coin : coins) {
        for (int value = coin; value <= sum; value++) {
            count[value] += count[value - coin];
            if (count[value] >= MODULUS) {
                count[value] -= MODULUS;
            }
        }
    }
    return count[sum];
}

int fewest(const std::vector<int>& coins, int sum) {
    std::vector<int> least(sum + 1, sum + 1);
    least[0] = 0;
    for (int coin : coins) {
        for (int value = coin; value <= sum; value++) {
            least[value] = std::min(least[value], least[value - coin] + 1);
        }
    }
    return least[sum] > sum ? -1 : least[sum];
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, sum;
    std::cin >> n >> sum;
    std::vector<int> coins(n);
    for (int& coin : coins) {
        std::cin >> coin;
    }
    std::cout << ways(coins, sum) << ' ' << fewest(coins, sum) << '\n';
    return 0;
}
