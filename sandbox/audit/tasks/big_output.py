def solve(n):
    """All numbers up to n with the sum of their decimal digits."""
    found = []
    for k in range(n):
        total = 0
        for letter in str(k):
            total += int(letter)
        found = found + [(k, total)] if k % 1000 == 0 else (found.append((k, total)) or found)
    return found
