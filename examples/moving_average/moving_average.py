"""The moving average of a price series."""


def moving_average(prices: list[int], window: int) -> list[float]:
    """Mean of each `window` consecutive prices.

    Args:
        prices: Prices in cents.
        window: Number of prices in one mean, at least 1.

    Returns:
        One mean for each full window, the oldest first; empty where there are fewer prices than `window`.
    """
    means = []
    for start in range(len(prices) - window + 1):
        means.append(sum(prices[start : start + window]) / window)
    return means
