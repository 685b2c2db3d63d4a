import random


def make(size, seed):
    """A text of `size` words, with capitals and punctuation."""
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choice("etaoinshrdlu") for _ in range(rng.randrange(2, 10))) for _ in range(size // 5 + 1)]
    words = []
    for _ in range(size):
        word = vocabulary[int(len(vocabulary) * rng.random() ** 2)]
        words.append(rng.choice((word, word, word.capitalize(), word + ",", word + ".")))
    return " ".join(words) + "\n"
