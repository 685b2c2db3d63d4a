"""codeopt: makes slow programs faster, proves it, and learns from every run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codeopt.api import Result, optimize

__version__ = "0.1.0"
__all__ = ["Result", "optimize"]


def __getattr__(name: str) -> Any:
    """The public names, imported when they are asked for: `import codeopt` stays light."""
    if name in __all__:
        from codeopt import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
