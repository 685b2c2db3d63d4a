// Conway's game of life on a torus: the living after each generation, and a digest of the last board.
#include <iostream>
#include <utility>
#include <vector>

using Board = std::vector<std::vector<int>>;

int neighbours(const Board& board, int row, int column) {
    const int height = board.size();
    const int width = board[0].size();
    const int above = row == 0 ? height - 1 : row - 1;
    const int below = row == height - 1 ? 0 : row + 1;
    const int left = column == 0 ? width - 1 : column - 1;
    const int right = column == width - 1 ? 0 : column + 1;
    return board[above][left] + board[above][column] + board[above][right] + board[row][left] + board[row][right] +
           board[below][left] + board[below][column] + board[below][right];
}

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int height, width, generations;
    std::cin >> height >> width >> generations;
    Board board(height, std::vector<int>(width));
    for (auto& row : board) {
        for (int& cell : row) {
            std::cin >> cell;
        }
    }
    Board next = board;
    for (int generation = 0; generation < generations; generation++) {
        int living = 0;
        for (int row = 0; row < height; row++) {
            for (int column = 0; column < width; column++) {
                const int count = neighbours(board, row, column);
                next[row][column] = count == 3 || (count == 2 && board[row][column] == 1);
                living += next[row][column];
            }
        }
        std::swap(board, next);
        std::cout << living << '\n';
    }
    unsigned digest = 0;
    for (const auto& row : board) {
        for (int cell : row) {
            digest = digest * 31 + cell;
        }
    }
    std::cout << digest << '\n';
    return 0;
}
