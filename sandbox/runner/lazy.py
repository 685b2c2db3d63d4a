"""Modules that a call imports on its way: fetched once into the server, so that no later sample pays for them again.

Samples are forked, so an import inside a function (or a lazy submodule of NumPy that the codec touches) would be
repeated in every one, in its timed region. Only names travel; what a call computes stays in its own process.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable

from .load import JITS

MOST_BYTES = 32 << 10


def known() -> set[str]:
    """The modules that are loaded now."""
    return set(sys.modules)


def imported_since(before: set[str]) -> bytes:
    """Names of the modules that came since, one a line, not more than a pipe takes at once."""
    names = [name for name in list(sys.modules) if name not in before]
    data = "\n".join(names).encode("utf-8", "replace")
    return data if len(data) <= MOST_BYTES else data[:MOST_BYTES].rpartition(b"\n")[0]


def adopt(names: Iterable[str]) -> bool:
    """Import modules by name, whichever of them can be; whether any is new. JITs bring threads and are left out."""
    new = [name for name in names if name and name not in sys.modules and name.partition(".")[0] not in JITS]
    for name in new:
        try:
            importlib.import_module(name)
        except Exception as error:
            # A module that the call made up itself; the next sample makes it again.
            sys.stderr.write("%s: %s\n" % (name, error))
    return bool(new)
