"""How data becomes a better model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codeopt.training.rewards import Scale, SpeedupReward

__all__ = ["Scale", "SpeedupReward"]


def __getattr__(name: str) -> Any:
    """The public names, imported when they are asked for: `import codeopt.training` stays light."""
    if name in __all__:
        from codeopt.training import rewards

        return getattr(rewards, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
