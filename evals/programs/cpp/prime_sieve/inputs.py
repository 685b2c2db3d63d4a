def make(size: int, seed: int) -> str:
    """Primes up to about ten times `size`."""
    return f"{10 * size + seed % 1009}\n"
