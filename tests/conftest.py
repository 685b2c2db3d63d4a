"""What every test needs of the process that runs it."""

from __future__ import annotations

import os
import signal

# A shell starts background jobs with SIGINT ignored, which their children inherit: tests that press Ctrl-C in a
# child would wait in vain.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Of several test processes each has cores of its own, so that one's work does not stand in what another measures.
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    cores = sorted(os.sched_getaffinity(0))
    first, workers = int(worker.removeprefix("gw")), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.sched_setaffinity(0, cores[first::workers] or cores)
