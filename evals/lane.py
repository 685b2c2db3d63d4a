"""Where problems are scored: one kind of sandbox, on a core of its own."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from codeopt.sandbox.protocol import Sandbox


@dataclass
class Lane:
    """One lane.

    Args:
        sandbox: For candidates, and for the benchmark's own programs; closed with the lane.
        core: Pinned to it where it is not None.
    """

    sandbox: Sandbox
    core: int | None = None
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="codeopt-eval-")))

    @property
    def cores(self) -> tuple[int, ...]:
        """The cores of the lane; () where it is not pinned."""
        return () if self.core is None else (self.core,)

    def close(self) -> None:
        """End the sandbox, remove the lane's folder. Idempotent."""
        self.sandbox.close()
        shutil.rmtree(self.folder, ignore_errors=True)
