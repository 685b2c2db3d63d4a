"""How models are asked for edits: one strategy a file, found by its name, so that they can be compared."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.agent.strategies.base import Kit, Strategy


def strategy_names() -> tuple[str, ...]:
    """Names of the strategies that are installed."""
    modules = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return tuple(sorted(name for name in modules if name != "base"))


def find_strategy(name: str, kit: Kit) -> Strategy:
    """The strategy with that name.

    Raises:
        UserError: There is none.
    """
    if name not in strategy_names():
        raise UserError(f"there is no strategy {name!r}", f"one of {', '.join(strategy_names())}")
    made: Strategy = importlib.import_module(f"codeopt.agent.strategies.{name}").create(kit)
    return made
