#include <iostream>
#include <string>
#include <vector>

// All lines in reverse order, each behind the number of characters that stand before it.
int main() {
    std::vector<std::string> lines;
    for (std::string line; std::getline(std::cin, line);) lines.push_back(line);
    std::string text;
    for (size_t i = lines.size(); i-- > 0;) text = text + std::to_string(text.size()) + " " + lines[i] + "\n";
    std::cout << text;
}
