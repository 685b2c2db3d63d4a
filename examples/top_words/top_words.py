"""The most frequent words of a text."""


def top_words(text: str, k: int) -> list[tuple[str, int]]:
    """The `k` most frequent words with their counts; words of equal count in alphabetical order."""
    words = text.lower().split()
    counts = []
    for word in set(words):
        counts.append((word, words.count(word)))
    counts.sort(key=lambda item: (-item[1], item[0]))
    return counts[:k]
