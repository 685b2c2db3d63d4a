import sys


def main():
    """Each word in its order with the number of times it comes."""
    words = sys.stdin.read().split()
    seen = []
    for word in words:
        if word not in seen:
            seen.append(word)
    for word in seen:
        count = 0
        for other in words:
            if other == word:
                count += 1
        print(word, count)


main()
