"""The threads that work through a folder's items."""

from __future__ import annotations

import queue
import signal
import threading
import time

import pytest

from codeopt.evals import folder


def test_an_interrupt_waits_for_what_was_begun() -> None:
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    waiting.put(1)
    ended = list[int]()

    def worker(item: int) -> None:
        time.sleep(0.2)  # the main thread waits by now
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.3)
        ended.append(item)

    with pytest.raises(KeyboardInterrupt):
        folder.drain(waiting, [worker], threading.Event(), patient=True)
    assert ended == [1]
