def make(size: int, seed: int) -> str:
    """The side of two matrices, whose product takes about 300 times `size` steps, and a seed of their numbers."""
    return f"{max(2, round((300 * size) ** (1 / 3)))} {seed % 1_000_003}\n"
