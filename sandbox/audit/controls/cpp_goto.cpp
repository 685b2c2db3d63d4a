// title: reads numbers with a state machine of gotos
// task: inversions
// expect: ok

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

static std::string read_all() {
    std::string text;
    char block[1 << 16];
    for (size_t got; (got = std::fread(block, 1, sizeof block, stdin)) > 0;) text.append(block, got);
    return text;
}

static std::vector<int> numbers(const std::string &text) {
    std::vector<int> found;
    const char *at = text.c_str();
    int value;
between:
    if (*at == 0) goto done;
    if (*at < '0' || *at > '9') {
        at++;
        goto between;
    }
    value = 0;
digits:
    value = 10 * value + (*at++ - '0');
    if (*at >= '0' && *at <= '9') goto digits;
    found.push_back(value);
    goto between;
done:
    return found;
}

static std::string fast(const std::string &input) {
    std::vector<int> values = numbers(input);
    values.erase(values.begin());
    const long n = (long)values.size();
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

int main() {
    const std::string out = fast(read_all());
    std::fwrite(out.data(), 1, out.size(), stdout);
}
