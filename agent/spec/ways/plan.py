"""PlanSearch (Wang et al. 2024) for a specification: ideas, programs from single ideas and pairs, consensus, then speed.

Half of the tokens go into finding out what is right: plain answers, which vote, and answers along ideas, which are more
different and vote as well. The other half makes the fastest of the right ones faster, along the same ideas and with its
profile; those answers have no vote, and count only where they agree with what was found right. Rewrite rules, which take no
tokens, have the last word.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from codeopt.agent.plan.observe import loose
from codeopt.agent.spec import words
from codeopt.agent.spec.ways import Ask, Heard, Judged, Tried, Way, Wish

IDEAS = 5
PLAIN = 5  # answers to the plain question
FIRST = 0.55  # share of the tokens that finds out what is right
MOST = 20  # answers along ideas at once
FASTER = 3  # attempts between two measurements


def way(wish: Wish) -> Way:
    """Ideas and plain answers, answers along ideas, then rounds of improvement."""
    specification = wish.specification
    wish.polish = True
    plain = words.write(specification)
    heard = wish.heard((yield [words.observe(specification, IDEAS), *[plain] * PLAIN]))
    ideas = read_ideas(heard[0])
    programs = wish.programs(heard[1:])
    queue = _along(wish, ideas)
    while many := wish.affordable(MOST, FIRST):
        asks = list(itertools.islice(queue, many)) or [plain] * many
        programs += wish.programs(wish.heard((yield asks)))
    known = yield programs
    assert isinstance(known, Judged)
    nexts = itertools.cycle([*ideas, ""])
    failed: list[str] = []
    while known.best and (many := wish.affordable(FASTER)):
        chosen = list(itertools.islice(nexts, many))
        asks = [words.faster(specification, known.best, known.hot, idea, failed[-3:]) for idea in chosen]
        heard = wish.heard((yield asks))
        tried = [Tried(program, 0) for reply in heard if (program := wish.program(reply))]
        before = known.best
        if tried:
            judged = yield tried
            assert isinstance(judged, Judged)
            known = judged
        failed = failed + [f"{idea} ({_why(known, wish.program(reply))})" for idea, reply in zip(chosen, heard) if idea] if known.best == before else []


def _along(wish: Wish, ideas: list[str]) -> Iterator[Ask]:
    """Questions along single ideas, then along pairs."""
    for some in [*((idea,) for idea in ideas), *itertools.combinations(ideas, 2)]:
        wish.families.append(" + ".join(some))
        yield words.write(wish.specification, some)


def _why(known: Judged, program: str) -> str:
    return known.failed.get(program, "no faster") if program else "no program"


def read_ideas(reply: Heard) -> list[str]:
    """The ideas in an answer; lines of a list where it is no JSON."""
    value = loose(reply.text)
    rows = value.get("ideas", []) if isinstance(value, dict) else value
    found = [row if isinstance(row, str) else " ".join(map(str, row.values())) for row in rows if isinstance(row, str | dict)] if isinstance(rows, list) else []
    if not found:
        marked = (line.strip() for line in reply.text.split("\n"))
        found = [line.lstrip("-*0123456789.) ") for line in marked if line[:1] in tuple("-*123456789")]
    kept = [" ".join(idea.split())[:200] for idea in found]
    return list(dict.fromkeys(idea for idea in kept if len(idea) > 8))[:IDEAS]
