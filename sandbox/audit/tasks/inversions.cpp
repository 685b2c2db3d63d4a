#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

// For each number how many larger ones stand before it; then the sum of these counts.
static std::string solve(const std::string &input) {
    char *at = const_cast<char *>(input.c_str());
    const long n = std::strtol(at, &at, 10);
    std::vector<int> values(n);
    for (int &value : values) value = (int)std::strtol(at, &at, 10);
    std::string out;
    long long total = 0;
    for (long i = 0; i < n; i++) {
        int larger = 0;
        for (long j = 0; j < i; j++) larger += values[j] > values[i];
        total += larger;
        out += std::to_string(larger) + "\n";
    }
    return out + std::to_string(total) + "\n";
}

static std::string read_all() {
    std::string text;
    char block[1 << 16];
    for (size_t got; (got = std::fread(block, 1, sizeof block, stdin)) > 0;) text.append(block, got);
    return text;
}

int main() {
    const std::string out = solve(read_all());
    std::fwrite(out.data(), 1, out.size(), stdout);
}
