"""Self-refinement (Madaan et al. 2023): one answer at a time, each made from the best one and what was measured of it."""

from __future__ import annotations

from codeopt.agent.spec import words
from codeopt.agent.spec.ways import Judged, Way, Wish


def way(wish: Wish) -> Way:
    """A first answer, then the next one from its evidence."""
    specification = wish.specification
    question = words.write(specification)
    known = Judged()
    while wish.affordable(1):
        programs = wish.programs(wish.heard((yield [question])))
        if not programs:
            continue
        judged = yield programs
        assert isinstance(judged, Judged)
        known = judged
        mine = programs[0].source
        if mine in known.failed and not known.best:
            question = words.mend(specification, mine, known.failed[mine])
        elif known.best:
            failed = [why for text, why in known.failed.items() if text == mine]
            question = words.faster(specification, known.best, known.hot, "", failed)
