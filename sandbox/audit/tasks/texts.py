def solve(words):
    """One text of all words, each with the number of its earlier ones; reversed, too."""
    text = ""
    for i, word in enumerate(words):
        earlier = 0
        for other in words[:i]:
            if other == word:
                earlier += 1
        text = text + word + ":" + str(earlier) + " "
    backwards = ""
    for letter in text:
        backwards = letter + backwards
    return text, backwards
