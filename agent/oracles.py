"""The oracle of a numerical function: the user's own or the program on longer floats, asked inside a maker's session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codeopt.agent.workshop import Workshop
from codeopt.errors import UserError
from codeopt.sandbox.session import Broken
from codeopt.sandbox.verdict import Judge
from codeopt.sandbox.workload import Case
from codeopt.types import Status

TYPE_CHECKED = 12  # inputs on which a declared oracle has to answer at least once
SECONDS = 60.0
CALL_S = 8.0
HARD = 6
KIND = "ill_conditioned"
LONG = {"float64": "in float64", "longdouble": "in long double"}


class Asking:
    """Asks the oracle about the calls of a case; a `codeopt.sandbox.oracle.Oracle`.

    Args:
        way: "given", "float64" or "longdouble".
    """

    def __init__(self, shop: Workshop, way: str) -> None:
        self.shop = shop
        self.way = way

    def __call__(self, case: Case) -> Sequence[Any]:
        """For each call what was found out; None where the oracle has no answer, or none that fits."""
        from codeopt.sandbox.oracle import fits

        # Large inputs come by the dozen, for the clock: fewer neighbours do for them.
        answers = [answer_of(row) for row in self.ask(case.calls, 2 if case.kind == "grown" else 6)]
        return [None if answer is None or fits(answer) else answer for answer in answers]

    def ask(self, calls: Sequence[bytes], near: int = 6) -> list[dict[str, Any]]:
        """Raw answers of `op_oracle`. Raises UserError where the user's oracle cannot be loaded."""
        request: dict[str, Any] = {"way": self.way, "calls": list(calls), "near": near, "seconds": SECONDS, "call_s": CALL_S}
        if self.way == "given":
            request["file"] = self.shop.sandbox.inside(self.shop.oracle_file())
            request["name"] = self.shop.task.oracle.rpartition(":")[2]
        reply = _op(self.shop, "oracle", request, SECONDS + 15)
        if "error" in reply and self.way == "given":
            raise UserError(f"the oracle {self.shop.task.oracle} cannot be loaded ({_last(reply['error'])})", "make it import")
        rows = reply.get("answers")
        return rows if isinstance(rows, list) and len(rows) == len(calls) else [{"why": _last(reply.get("error"))}] * len(calls)


def answer_of(row: Mapping[str, Any]) -> Any:
    """An `Answer` from a row of the operation; None where it has none."""
    from codeopt.sandbox.oracle import Answer

    if not row.get("pairs"):
        return None
    pairs = tuple((bytes(own), bytes(true)) for own, true in row["pairs"])
    return Answer(pairs, float(row["delta"]), float(row["eps"]), int(row["count"]), int(row["longest"]))


def use_oracle(shop: Workshop, judge: Judge, way: str) -> None:
    """Make the judge hold numbers against the oracle; "" for none."""
    judge.oracle = Asking(shop, way) if way else None


def find_oracle(shop: Workshop, judge: Judge, cases: Sequence[Case], notes: list[str]) -> str:
    """The way to an oracle ("given", "float64", "longdouble"; "" for none), with a note on it.

    Raises:
        UserError: The user's oracle cannot be loaded, raises on every input, or answers in another shape.
    """
    answered = [case for case in cases if judge.expect(case).status is Status.OK]
    calls = [call for case in answered for call in case.calls][:TYPE_CHECKED]
    if shop.task.oracle:
        return "given" if _declared(shop, calls, notes) else ""
    reply = _op(shop, "oracle", {"way": "probe", "calls": calls, "call_s": CALL_S}, SECONDS)
    way = str(reply.get("way") or "")
    if way and _useful(Asking(shop, way).ask(calls[:4], 0)):
        notes.append(f"numbers are judged by their error against the function itself {LONG[way]}")
        return way
    return ""


def _useful(rows: Sequence[Mapping[str, Any]]) -> bool:
    from codeopt.sandbox.oracle import fits, has_numbers

    answers = [answer for answer in map(answer_of, rows) if answer is not None]
    return any(not fits(answer) and has_numbers(answer) for answer in answers)


def _declared(shop: Workshop, calls: Sequence[bytes], notes: list[str]) -> bool:
    """Whether the user's oracle has numbers to judge; its faults are the user's to mend."""
    from codeopt.sandbox.oracle import fits, has_numbers

    name = shop.task.oracle.rpartition("/")[2]
    rows = [row for row in Asking(shop, "given").ask(calls, 0) if not row.get("raises")]
    found = [answer_of(row) for row in rows]
    answers = [answer for answer in found if answer is not None]
    if rows and not answers:
        raise UserError(f"the oracle {name} fails on every input ({rows[0]['why']})", "it takes the same arguments as the function")
    fit = [answer for answer in answers if not fits(answer)]
    if answers and not fit:
        raise UserError(
            f"the oracle {name} answers in another shape than {shop.task.function} ({fits(answers[0])})",
            "it returns what the function returns, with more digits",
        )
    if not any(map(has_numbers, fit)):
        notes.append(f"the oracle {name} is not used: {shop.task.function} returns no floats")
        return False
    notes.append(f"numbers are judged by their error against {name}")
    if len(fit) < len(rows):
        why = next((str(row["why"]) for row in rows if "pairs" not in row), "another shape")
        notes.append(f"the oracle has no answer for {len(rows) - len(fit)} of {len(rows)} inputs ({why}): there the tolerance decides")
    return True


def hard_cases(shop: Workshop, cases: Sequence[Case], seed: int, count: int = HARD, prefix: str = "i") -> list[Case]:
    """Ill-conditioned inputs made from the given ones; the same for the same seed."""
    blobs = [blob for case in cases if case.kind not in ("grown", KIND) for blob in case.calls][:30]
    reply = _op(shop, "hard", {"blobs": blobs, "count": count, "seed": seed, "seconds": 4.0}, 20.0)
    rows = [row for row in reply.get("calls", []) if isinstance(row.get("blob"), bytes)]
    return [Case(f"{prefix}{number}", KIND, calls=(bytes(row["blob"]),)) for number, row in enumerate(rows)]


def _op(shop: Workshop, name: str, request: dict[str, Any], seconds: float) -> dict[str, Any]:
    try:
        return shop.maker().op(name, request, seconds)
    except Broken as broken:
        return {"error": f"{broken.status}: {broken.evidence}"}


def _last(error: object) -> str:
    lines = str(error or "no answer").strip().splitlines()
    return lines[-1][:200] if lines else "no answer"
