"""Inverse rules for C++: each has a program on which it works and prints the same, and a trap that it leaves alone."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from codeopt.agent.rules.base import Code
from codeopt.agent.rules.inverse import inverse_rules

CASES = {
    "checked_access": ("vector<int> v(5, 2); string s = \"abc\"; int t = 0; for (int i = 0; i < 5; i++) t += v[i] + s[i % 3]; cout << t << '\\n';", "map<int, int> m; m[3] = 4; int a[3] = {1, 2, 3}; cout << m[3] + a[1] << '\\n';"),
    "endl_flush": ("for (int i = 0; i < 3; i++) cout << i << \" \" << i * i << '\\n'; cout << \"x\" << \"\\n\";", "ostringstream out; out << 3 << '\\n'; cout << 1 << ' ' << out.str();"),
    "erased_front": ("queue<int> q; q.push(3); q.push(4); while (!q.empty()) { int x = q.front(); q.pop(); if (x < 9) q.push(x + 3); cout << x << ' ' << q.size() << '\\n'; }", "queue<int> q; q.push(1); queue<int> r = q; cout << r.size() << '\\n';"),
    "linear_search": ("vector<int> v{1, 3, 3, 7}; int x = 3; cout << binary_search(v.begin(), v.end(), x) << (lower_bound(v.begin(), v.end(), x) - v.begin()) << '\\n';", "vector<int> v{1, 3}; cout << binary_search(v.begin() + 1, v.end(), 3) << '\\n';"),
    "no_reserve": ("vector<int> v; v.reserve(100); for (int i = 0; i < 9; i++) v.push_back(i); cout << v.size() << '\\n';", "unordered_set<int> u; u.reserve(100); cout << u.size() << '\\n';"),
    "ordered_containers": ("unordered_map<string, int> m; unordered_set<int> seen; m[\"a\"]++; seen.insert(4); cout << m[\"a\"] << seen.count(4) << '\\n';", "unordered_map<int, int> m; m[1] = 2; for (auto& p : m) cout << p.first << '\\n'; cout << m.bucket_count() << '\\n';"),
    "range_copies": ("vector<string> v{\"a\", \"bc\"}; for (const string& s : v) cout << s << '\\n';", "vector<int> v{1, 2}; for (const int& x : v) cout << x; vector<string> w{\"a\"}; for (string& s : w) s += 'x'; cout << w[0] << '\\n';"),
    "string_temporaries": ("string s; for (int i = 0; i < 4; i++) { s += 'x'; s += \"yz\"; } cout << s << '\\n';", "int s = 0; for (int i = 0; i < 4; i++) s += i; string t; t += 'c'; cout << s << t << '\\n';"),
    "synced_streams": ("ios::sync_with_stdio(false); cin.tie(nullptr); int n; cin >> n; cout << n << '\\n';", "int n; cin >> n; cout << n << '\\n';"),
    "tree_sort": ("vector<long long> v{4, 1, 3, 1}; sort(v.begin(), v.end()); for (auto x : v) cout << x << '\\n';", "vector<int> v{4, 1, 3}; sort(v.begin(), v.end(), greater<int>()); vector<double> d{2.0, 1.0}; sort(d.begin(), d.end()); cout << v[0] << d[0] << '\\n';"),
    "value_parameters": ("cout << total(vector<int>{1, 2, 3}) << '\\n';", "cout << 1 << '\\n';"),
}  # fmt: skip
HEAD = "#include <bits/stdc++.h>\nusing namespace std;\n"
TOTAL = "int total(const vector<int>& v) { int t = 0; for (int x : v) t += x; return t; }\n"
PROTOTYPE = "int total(const vector<int>& v);\nint total(const vector<int>& v) { return v[0]; }\n"


def program(name: str, body: str, trap: bool = False) -> str:
    own = (PROTOTYPE if trap else TOTAL) if name == "value_parameters" else ""
    return f"{HEAD}{own}int main() {{\n    {body}\n    return 0;\n}}\n"


def rewrites(name: str, text: str) -> list[str]:
    return [rewrite.text for rewrite in inverse_rules("cpp")[name].apply(Code(text, "cpp"))]


def test_every_rule_has_a_case() -> None:
    assert set(CASES) == set(inverse_rules("cpp"))


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_the_slow_programs_print_the_same(tmp_path: Path) -> None:
    wanted = {(name, number): text for name in CASES for number, text in enumerate([program(name, CASES[name][0]), *rewrites(name, program(name, CASES[name][0]))])}
    assert {name for name, number in wanted if number} == set(CASES), "each applies"

    # All of the standard library is compiled once.
    (tmp_path / "bits").mkdir()
    (tmp_path / "bits" / "stdc++.h").write_text("#include_next <bits/stdc++.h>\n")
    subprocess.run(["g++", "-O0", "-std=c++17", "-x", "c++-header", tmp_path / "bits" / "stdc++.h"], check=True)

    def built(item: tuple[tuple[str, int], str]) -> tuple[tuple[str, int], str]:
        (name, number), text = item
        file = tmp_path / f"{name}{number}.cpp"
        file.write_text(text)
        made = subprocess.run(["g++", "-O0", "-std=c++17", "-I", tmp_path, file, "-o", file.with_suffix("")], capture_output=True, text=True, check=False)
        assert made.returncode == 0, f"{name}\n{text}\n{made.stderr[:2000]}"
        done = subprocess.run([file.with_suffix("")], input="5\n", capture_output=True, text=True, timeout=20, check=True)
        return (name, number), done.stdout

    with ThreadPoolExecutor(2) as pool:
        printed = dict(pool.map(built, wanted.items()))
    for (name, number), out in printed.items():
        assert out and out == printed[name, 0], f"{name}\n{wanted[name, number]}"


@pytest.mark.parametrize("name", sorted(CASES))
def test_traps_are_left_alone(name: str) -> None:
    assert rewrites(name, program(name, CASES[name][1], trap=True)) == []
