"""One piece of work for each shard of a dataset, on all cores where there are enough rows to pay for their start."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from codeopt.datasets.store import Shard

Shared = TypeVar("Shared")
Result = TypeVar("Result")
LEAST_ROWS = 20_000
MOST_WORKERS = 8
"""Each holds a copy of what is shared, and the rows of a thousand."""
_held: dict[str, Any] = {}


def over_shards(work: Callable[[Shard, Shared], Result], shards: Sequence[Shard], shared: Shared) -> Iterator[Result]:
    """`work(shard, shared)` for every shard, in their order.

    Args:
        work: A function of a module; its result travels between processes.
        shards: The shards.
        shared: What all of them need.
    """
    workers = min(len(os.sched_getaffinity(0)), len(shards), MOST_WORKERS)
    if workers < 2 or sum(shard.rows for shard in shards) < LEAST_ROWS:
        for shard in shards:
            yield work(shard, shared)
        return
    # Spawned, not forked: Arrow's threads do not survive a fork.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (work, shared)) as pool:
        try:
            yield from pool.map(_one, shards)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin(work: Any, shared: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _held["work"], _held["shared"] = work, shared


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _one(shard: Shard) -> Any:
    return _held["work"](shard, _held["shared"])
