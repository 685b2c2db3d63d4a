def make(size, seed):
    """A matrix of about `size` numbers: their square root is the number of states."""
    return f"{max(2, int(size**0.5))} {seed % 4294967291 + 1}\n"
