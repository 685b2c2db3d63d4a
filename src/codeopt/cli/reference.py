"""docs/cli*.md: every command and option, every key of codeopt.toml, every status: `python -m codeopt.cli.reference docs`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from codeopt import config
from codeopt.cli.app import app
from codeopt.types import Status

HEAD = """# Reference

Every command with all of its arguments and options, every key of `codeopt.toml` and every status, made from the code
(`python -m codeopt.cli.reference docs`). `--help` says the same of a command. On pages of their own: [codeopt data](cli_data.md),
[codeopt eval and codeopt train](cli_models.md).
"""
APART = {"data": "cli_data.md", "eval": "cli_models.md", "train": "cli_models.md"}
"""Commands on other pages than cli.md."""


def pages() -> dict[str, str]:
    """The texts of the pages by their names."""
    made = {"cli.md": [HEAD], "cli_data.md": ["# Reference: codeopt data\n"], "cli_models.md": ["# Reference: codeopt eval and codeopt train\n"]}
    commands: dict[str, Any] = getattr(typer.main.get_command(app), "commands")  # noqa: B009  # whichever class this typer has
    for word in sorted(commands):
        made[APART.get(word, "cli.md")] += _commands(commands[word], f"codeopt {word}")
    keys, statuses = config.described(), config.meanings(Status, Status.__members__)
    made["cli.md"] += [
        "\n## codeopt.toml\n\nMore of it in [tasks.md](tasks.md#codeopttoml).\n\n| key | |\n|---|---|\n",
        *(f"| `{key}` | {_plain(meaning)} |\n" for key, meaning in keys.items()),
        "\n## Statuses\n\nOf a candidate, in a trace, a report and a dataset.\n\n| status | |\n|---|---|\n",
        *(f"| `{Status[name]}` | {_plain(meaning)} |\n" for name, meaning in statuses.items()),
    ]
    return {name: "".join(parts) for name, parts in made.items()}


def _commands(command: Any, name: str) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield _section(command, name)
        return
    for word in sorted(inner):
        yield from _commands(inner[word], f"{name} {word}")


def _section(command: Any, name: str) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and "--help" not in one.opts]
    words = [_argument(one) for one in arguments]
    text = f"\n## {name}\n\n{_plain(command.help)}\n\n    {' '.join([name, *(['[OPTIONS]'] if options else []), *words])}\n"
    rows = [f"| `{_argument(one)}` | {_plain(one.help)} |\n" for one in arguments if one.help]
    rows += [f"| {_names(one)} | {_plain(one.help)}{_default(one)} |\n" for one in options]
    return text + ("\n| | |\n|---|---|\n" + "".join(rows) if rows else "")


def _argument(one: Any) -> str:
    name = str(one.metavar or one.name).strip("[]{}.").upper() + ("..." if one.nargs == -1 else "")
    return name if one.required else f"[{name}]"


def _names(one: Any) -> str:
    # What a value is called comes from its option's name: how types are shown changes with typer's versions.
    value = "" if one.is_flag or one.count else f" {one.metavar or one.opts[0].strip('-').upper().replace('-', '_')}"
    names = ", ".join(f"`{name}{value}`" for name in one.opts)
    return names + "".join(f", `{name}`" for name in one.secondary_opts)


def _default(one: Any) -> str:
    if one.is_flag or one.default in (None, "", (), []) or callable(one.default) or "default" in (one.help or ""):
        return ""
    return f" (default: `{one.default}`)"


def _plain(text: str | None) -> str:
    """Help as a line of Markdown."""
    line = " ".join((text or "").replace("\\[", "[").split())
    return re.sub(r"([|<>*_])", r"\\\1", line)


if __name__ == "__main__":
    for _name, _text in pages().items():
        (Path(sys.argv[1]) / _name).write_text(_text, "utf-8")
