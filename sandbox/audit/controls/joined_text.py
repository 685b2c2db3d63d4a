# title: join and a slice; lone surrogates survive
# task: texts
# expect: ok

def solve(words):
    times, parts = {}, []
    for word in words:
        earlier = times.get(word, 0)
        times[word] = earlier + 1
        parts.append(f"{word}:{earlier} ")
    text = "".join(parts)
    return text, text[::-1]
