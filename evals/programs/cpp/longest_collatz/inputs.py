def make(size: int, seed: int) -> str:
    """Starting numbers up to about ten times `size`."""
    return f"{10 * size + seed % 1009 + 1}\n"
