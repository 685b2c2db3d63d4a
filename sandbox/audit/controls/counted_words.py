# title: a dict, one write and exit status 0
# task: words
# expect: ok

import sys


def main():
    counts = {}
    for word in sys.stdin.read().split():
        counts[word] = counts.get(word, 0) + 1
    sys.stdout.write("".join(f"{word} {count}\n" for word, count in counts.items()))
    sys.exit(0)


if __name__ == "__main__":
    main()
