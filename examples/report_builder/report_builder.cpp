// A bookkeeping report: one line an entry with its running balance, then the totals of the accounts.
// Reads the number of entries, then one "account amount" a line (amounts in cents).
#include <iostream>
#include <map>
#include <string>
#include <vector>

struct Entry {
    std::string account;
    long long amount;
};

std::string money(long long cents) {
    std::string text = cents < 0 ? "-" : "";
    long long value = cents < 0 ? -cents : cents;
    std::string rest = std::to_string(value % 100);
    if (rest.size() < 2) {
        rest = "0" + rest;
    }
    return text + std::to_string(value / 100) + "." + rest;
}

std::string details(std::vector<Entry> entries) {
    std::string report = "";
    std::map<std::string, long long> balance;
    for (size_t i = 0; i < entries.size(); i++) {
        balance[entries[i].account] += entries[i].amount;
        report = report + entries[i].account + " " + money(entries[i].amount) + " " + money(balance[entries[i].account]) + "\n";
    }
    return report;
}

std::string summary(std::vector<Entry> entries) {
    std::map<std::string, long long> totals;
    for (Entry entry : entries) {
        totals[entry.account] += entry.amount;
    }
    std::string report = "";
    for (auto total : totals) {
        report = report + total.first + ": " + money(total.second) + "\n";
    }
    return report;
}

int main() {
    int n;
    std::cin >> n;
    std::vector<Entry> entries;
    for (int i = 0; i < n; i++) {
        Entry entry;
        std::cin >> entry.account >> entry.amount;
        entries.push_back(entry);
    }
    std::cout << details(entries) << std::endl;
    std::cout << summary(entries) << std::endl;
    return 0;
}
