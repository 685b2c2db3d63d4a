"""C++ candidates that print the right answer and are wrong all the same, honest ones, and such as no check here sees.

Each is a file of `cpp/wrong`, `cpp/honest` or `cpp/unseen`, a faster variant of a program in `cpp/programs`, and begins with
`// title:`, `// program:` and, where it needs compiler flags of its own, `// flags:`. `cpp/inputs.py` makes the programs'
inputs. The files are text here; `benchmarks/hpc_planted.py` judges them.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "cpp"
INPUTS = FOLDER / "inputs.py"
KINDS = ("wrong", "honest", "unseen")
_HEADER = re.compile(r"^// (title|program|flags): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Planted:
    """One candidate.

    Attributes:
        name: The file's name without its suffix.
        kind: "wrong", "honest", or "unseen": wrong, and it passes.
        title: What it does, in one line.
        program: File of the program that it stands for.
        flags: Compiler flags that only it gets.
        source: Its text.
    """

    name: str
    kind: str
    title: str
    program: Path
    flags: tuple[str, ...]
    source: str


def planted(*names: str) -> list[Planted]:
    """All candidates by kind and name, or those of the names. Raises KeyError for a name that there is not."""
    found = {path.stem: _read(path, kind) for kind in KINDS for path in sorted((FOLDER / kind).glob("*.cpp"))}
    return [found[name] for name in names] if names else list(found.values())


def _read(path: Path, kind: str) -> Planted:
    text = path.read_text("utf-8")
    said = dict(_HEADER.findall(text))
    program = FOLDER / "programs" / f"{said['program']}.cpp"
    return Planted(path.stem, kind, said["title"], program, tuple(shlex.split(said.get("flags", ""))), text)
