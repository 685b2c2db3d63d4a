"""What every test needs of the process that runs it."""

from __future__ import annotations

import signal

# A shell starts background jobs with SIGINT ignored, which their children inherit: tests that press Ctrl-C in a
# child would wait in vain.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
