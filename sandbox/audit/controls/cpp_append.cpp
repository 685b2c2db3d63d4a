// title: appends in place of copying: a large output
// task: join
// expect: ok

#include <iostream>
#include <string>
#include <vector>

int main() {
    std::ios::sync_with_stdio(false);
    std::vector<std::string> lines;
    for (std::string line; std::getline(std::cin, line);) lines.push_back(std::move(line));
    std::string text;
    for (size_t i = lines.size(); i-- > 0;) {
        text += std::to_string(text.size());
        text += ' ';
        text += lines[i];
        text += '\n';
    }
    std::cout << text;
}
