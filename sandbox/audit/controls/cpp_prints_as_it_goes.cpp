// title: keeps only the length of what it has printed
// task: join
// expect: ok

#include <cstdio>
#include <string>
#include <vector>

static std::string read_all() {
    std::string text;
    char block[1 << 16];
    for (size_t got; (got = std::fread(block, 1, sizeof block, stdin)) > 0;) text.append(block, got);
    return text;
}

int main() {
    const std::string input = read_all();
    std::vector<std::pair<size_t, size_t>> lines;
    for (size_t start = 0; start < input.size();) {
        size_t end = input.find('\n', start);
        if (end == std::string::npos) end = input.size();
        lines.emplace_back(start, end - start);
        start = end + 1;
    }
    size_t printed = 0;
    for (size_t i = lines.size(); i-- > 0;)
        printed += std::printf("%zu %.*s\n", printed, (int)lines[i].second, input.c_str() + lines[i].first);
}
