"""How far answers may differ from the baseline's."""

from __future__ import annotations

from dataclasses import dataclass

from codeopt.sandbox.compare import compare, compare_text


@dataclass(frozen=True)
class Tolerance:
    """How far answers may differ. `text` is for numbers in a program's output; None compares bytes."""

    rel: float = 1e-9
    abs_: float = 1e-12
    text: float | None = None

    def values(self, expected: bytes, actual: bytes) -> str:
        """ "" or the first difference between two encoded values."""
        # The outcome of a single call is [[failed, value]]; a person calls that the result.
        return _text(compare(expected, actual, rel=self.rel, abs_=self.abs_)).replace("result[0][1]", "result", 1)

    def output(self, expected: bytes, actual: bytes) -> str:
        """ "" or the first difference between two programs' outputs."""
        return _text(compare_text(expected, actual, float_tol=self.text))


def _text(mismatch: object) -> str:
    return "" if mismatch is None else str(mismatch)
