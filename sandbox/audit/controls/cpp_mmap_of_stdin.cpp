// title: maps stdin where that works and reads it where it does not
// task: inversions
// expect: ok

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static std::string fast(const std::string &input) {
    char *at = const_cast<char *>(input.c_str());
    const long n = std::strtol(at, &at, 10);
    std::vector<int> values(n);
    for (int &value : values) value = (int)std::strtol(at, &at, 10);
    std::vector<int> sorted(values);
    std::sort(sorted.begin(), sorted.end());
    std::vector<int> tree(n + 1);
    std::string out;
    long long total = 0;
    for (long i = 0; i < n; i++) {
        const int rank = (int)(std::upper_bound(sorted.begin(), sorted.end(), values[i]) - sorted.begin());
        int larger = (int)i;
        for (int k = rank; k > 0; k -= k & -k) larger -= tree[k];
        for (int k = rank; k <= n; k += k & -k) tree[k]++;
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
    struct stat about;
    std::string out;
    if (fstat(0, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0) {
        const char *text = (const char *)mmap(nullptr, about.st_size, PROT_READ, MAP_PRIVATE, 0, 0);
        out = text == MAP_FAILED ? fast(read_all()) : fast(std::string(text, about.st_size));
    } else {
        out = fast(read_all());
    }
    for (size_t sent = 0; sent < out.size();) {
        const ssize_t more = write(1, out.data() + sent, out.size() - sent);
        if (more <= 0) return 1;
        sent += more;
    }
}
