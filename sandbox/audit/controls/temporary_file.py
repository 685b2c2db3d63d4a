# title: a temporary file that is used and removed in the call
# task: texts
# expect: ok

import os
import tempfile


def solve(words):
    times = {}
    handle, path = tempfile.mkstemp()
    try:
        with open(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
            for word in words:
                earlier = times.get(word, 0)
                times[word] = earlier + 1
                file.write(f"{word}:{earlier} ")
        with open(path, encoding="utf-8", errors="surrogatepass") as file:
            text = file.read()
    finally:
        os.unlink(path)
    return text, text[::-1]
