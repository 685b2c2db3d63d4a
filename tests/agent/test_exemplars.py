"""Earlier verified changes as examples in a model's prompt: which are taken, which are shown, and that nothing leaks."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from codeopt.agent.exemplars import choose, collect
from codeopt.agent.similarity import parts, pieces, similarities
from codeopt.agent.tasks.model import Language, Task
from codeopt.trace import (
    VERSION,
    CandidateMade,
    Exemplars,
    RunStarted,
    TraceWriter,
    VerdictReached,
    read_trace,
)
from codeopt.types import Candidate, Exemplar, Measurement, Proposal, Status, Verdict
from tests.commandline import FAST_DEDUPE, SLOW_DEDUPE, codeopt, put, refused
from tests.servers import Step, serve

# The same algorithm as dedupe's, in other words.
SLOW_UNIQUE = '''def unique(items):
    """Each item once."""
    # a list is searched
    found = []
    for item in items:
        if item not in found:
            found.append(item)
    return found
'''
FAST_UNIQUE = "def unique(items):\n    return list({item: None for item in items})\n"
SLOW_COMMON = """def common(left, right):
    both = []
    for name in left:
        if name in right and name not in both:
            both.append(name.lower())
    return sorted(both)
"""
FAST_COMMON = "def common(left, right):\n    return sorted({name.lower() for name in set(left) & set(right)})\n"
SLOW_POWER = "def power(base, times):\n    if times == 0:\n        return 1\n    return base * power(base, times - 1)\n"
FAST_POWER = "def power(base, times):\n    return base**times\n"
DEDUPE = Task(kind="function", file="/x/dedupe.py", function="dedupe")


def measurement(speedup: float = 2.0) -> Measurement:
    return Measurement(
        pairs=20, speedup=speedup, low=speedup * 0.9, high=speedup * 1.1, p_value=1e-6, clock="cpu",
        wall_speedup=speedup, baseline_s=0.1, candidate_s=0.1 / speedup,
    )  # fmt: skip


def a_run(
    folder: Path, old: str, *new: str, speedup: float = 2.0, flags: tuple[str, ...] = (), proved: bool = True,
    holdouts: tuple[Status, ...] = (Status.OK,), secrets: tuple[str, ...] = (), **task: str,
) -> Path:  # fmt: skip
    """What a run leaves behind whose steps were `new`, the last one of which met the holdout."""
    told = {"kind": "function", "language": "python", "file": "/somewhere/code.py", "function": "f", **task}
    with TraceWriter(folder, secrets) as trace:
        trace.add(RunStarted(task=told))
        for number, source in enumerate(new, 1):
            proposal = Proposal(source=source, proposer="rules", note=f"line 3: step {number}", flags=flags)
            trace.add(CandidateMade(candidate=Candidate(id=f"c{number}", parent=f"c{number - 1}", proposal=proposal)))
            trace.add(VerdictReached(candidate=f"c{number}", verdict=Verdict(status=Status.OK, search=measurement(9.0))))
        for status in holdouts if proved else ():
            verdict = Verdict(status=status, holdout=measurement(speedup))
            trace.add(VerdictReached(candidate=f"c{len(new)}", verdict=verdict))
    original = folder / "original" / Path(told["file"]).name
    original.parent.mkdir()
    original.write_text(old)
    (folder / "result.json").write_text(json.dumps({"source_sha256": hashlib.sha256(old.encode()).hexdigest()}))
    return folder


def shown(folder: Path, source: str = SLOW_DEDUPE, task: Task = DEDUPE) -> tuple[Exemplar, ...]:
    return choose([str(folder)], task, source, ())[0]


def proved(folder: Path, language: str = "python", secrets: tuple[str, ...] = ()) -> int:
    return len(collect([str(folder)], language, secrets)[0])


# --- which are shown --------------------------------------------------------------------------------------


def test_the_most_similar_code_is_shown_and_the_nearest_last(tmp_path: Path) -> None:
    a_run(tmp_path / "1", SLOW_UNIQUE, SLOW_UNIQUE.replace("[]", "list()"), FAST_UNIQUE, speedup=3.0)
    a_run(tmp_path / "2" / "inner", SLOW_COMMON, FAST_COMMON)
    a_run(tmp_path / "3", SLOW_POWER, FAST_POWER, speedup=50.0)
    found, told = choose([str(tmp_path)], DEDUPE, SLOW_DEDUPE, ())
    assert [Path(exemplar.run).name for exemplar in found] == ["inner", "1"]
    assert found[0].similarity < found[1].similarity
    assert (found[1].slow, found[1].fast) == (SLOW_UNIQUE.rstrip(), FAST_UNIQUE.rstrip())
    assert found[1].note == "step 1; step 2" and found[1].measured.speedup == 3.0
    assert told.startswith("exemplars: 2 of 3 earlier changes")
    assert choose([str(tmp_path)], DEDUPE, SLOW_DEDUPE, ()) == (found, told)


def test_nothing_that_is_not_similar_is_shown(tmp_path: Path) -> None:
    a_run(tmp_path / "1", SLOW_POWER, FAST_POWER)
    found, told = choose([str(tmp_path)], DEDUPE, SLOW_DEDUPE, ())
    assert found == () and "none is similar enough" in told
    assert choose([str(tmp_path / "none")], DEDUPE, SLOW_DEDUPE, ())[0] == ()


def test_the_answer_itself_is_no_example(tmp_path: Path) -> None:
    a_run(tmp_path / "1", SLOW_DEDUPE, FAST_DEDUPE)
    assert shown(tmp_path) == ()
    # The function in another file, with other words around it; and what it was before it was improved.
    elsewhere = "import os\n\n\n" + SLOW_DEDUPE.replace("    seen = []", '    """Once."""\n    seen = []  # yet')
    assert shown(tmp_path, elsewhere) == ()
    improved = FAST_DEDUPE + SLOW_COMMON
    assert shown(tmp_path, improved, Task(kind="function", file="/x/a.py", function="common")) == ()
    changed = SLOW_DEDUPE.replace("if x not in seen:", "if x and x not in seen:")
    assert len(shown(tmp_path, changed)) == 1


def test_of_one_slow_side_the_fastest_change_is_shown(tmp_path: Path) -> None:
    for name, speedup in (("1", 2.0), ("2", 4.0), ("3", 3.0)):
        a_run(tmp_path / name, SLOW_UNIQUE, FAST_UNIQUE, speedup=speedup)
    (only,) = shown(tmp_path)
    assert Path(only.run).name == "2"


# --- what is proved ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "count"),
    [
        ({}, 1),
        ({"proved": False}, 0),
        ({"holdouts": (Status.NOT_FASTER,)}, 0),
        ({"holdouts": (Status.OK, Status.WRONG_OUTPUT)}, 0),
        ({"flags": ("-mavx2",)}, 0),
        ({"kind": "kernel"}, 0),
        ({"language": "cpp"}, 0),
    ],
)
def test_only_what_a_holdout_accepted_counts(tmp_path: Path, what: dict[str, Any], count: int) -> None:
    a_run(tmp_path / "1", SLOW_UNIQUE, FAST_UNIQUE, **what)
    assert proved(tmp_path) == count


def test_runs_that_cannot_be_trusted_are_left_out_with_a_word(tmp_path: Path) -> None:
    a_run(tmp_path / "good", SLOW_UNIQUE, FAST_UNIQUE)
    torn = a_run(tmp_path / "torn", SLOW_COMMON, FAST_COMMON) / "trace.jsonl"
    torn.write_text("{" + torn.read_text())
    newer = a_run(tmp_path / "newer", SLOW_COMMON, FAST_COMMON) / "trace.jsonl"
    newer.write_text(newer.read_text().replace(f'"version":{VERSION}', '"version":99'))
    edited = a_run(tmp_path / "edited", SLOW_COMMON, FAST_COMMON)
    (edited / "original" / "code.py").write_text(SLOW_POWER)
    a_run(tmp_path / "deep", SLOW_COMMON, f"x = {'-' * 50_000}1\n")
    killed = a_run(tmp_path / "killed", SLOW_COMMON, FAST_COMMON)
    (killed / "original" / "code.py").unlink()
    pairs, told = collect([str(tmp_path)], "python", ())
    assert [pair.run.name for pair in pairs] == ["good"]
    assert re.match(r"; 4 of 6 runs cannot be read \(", told)


def test_a_pair_that_holds_a_key_is_left_out(tmp_path: Path) -> None:
    key = "sk-test-0123456789"
    held = f"KEY = {key!r}\n\n\n"
    a_run(tmp_path / "1", held + SLOW_UNIQUE, held + FAST_UNIQUE)
    assert proved(tmp_path) == 1 and proved(tmp_path, secrets=(key,)) == 0
    # Blanked out when the run was made, unknown now: the copy of the original still holds it.
    a_run(tmp_path / "2", held + SLOW_COMMON, held + FAST_COMMON, secrets=(key,))
    assert proved(tmp_path) == 1


# --- what of them is shown --------------------------------------------------------------------------------


def test_only_what_changed_is_shown(tmp_path: Path) -> None:
    around = "import os\n\n\nclass Shop:\n    size = 1\n\n    def same(self):\n        return os.name\n\n{}\n\ndef other():\n    return 1\n"
    slow, fast = (
        around.format("    @staticmethod\n" + "".join(f"    {line}\n" for line in text.splitlines()))
        for text in (SLOW_UNIQUE, FAST_UNIQUE)
    )
    a_run(tmp_path / "1", slow.replace("\n", "\r\n"), "import re\n" + fast)
    (only,) = shown(tmp_path)
    assert only.slow.startswith("class Shop:\n    @staticmethod\n    def unique(items):") and "\r" not in only.slow
    assert only.fast.startswith("import re\nclass Shop:\n    @staticmethod\n    def unique(items):\n        return")
    assert not re.search("same|other|import os", only.slow + only.fast)


def test_a_change_that_is_too_long_to_show_is_left_out(tmp_path: Path) -> None:
    a_run(tmp_path / "1", SLOW_UNIQUE, FAST_UNIQUE + f"    return {list(range(2000))}\n")
    assert proved(tmp_path) == 0


SLOW_CPP = """#include <bits/stdc++.h>
using namespace std;
int same(int a) { return a; }
int total(vector<int> values, int limit) {
    int sum = 0;
    for (int i = 0; i < (int)values.size(); i++) if (values[i] < limit) sum += values[i];  // all
    return sum;
}
int main() { cout << same(1) << endl; }
"""
FAST_CPP = SLOW_CPP.replace("vector<int> values", "const vector<int>& values")


def test_cpp(tmp_path: Path) -> None:
    a_run(tmp_path / "1", SLOW_CPP, FAST_CPP, language="cpp", kind="program", file="/x/main.cc")
    task = Task(kind="program", language="cpp", file="/x/main.cc")
    other = SLOW_CPP.replace("values", "v").replace("sum", "s").replace("limit", "n").replace("total", "add")
    (only,) = shown(tmp_path, other, task)
    assert only.similarity > 0.99  # of the function, which is a part of the file
    assert only.slow.startswith("int total(vector<int> values") and only.slow.endswith("}")
    assert "main" not in only.slow + only.fast and "const vector<int>&" in only.fast
    assert shown(tmp_path, SLOW_CPP, task) == ()


@pytest.mark.parametrize(("language", "text"), [("python", SLOW_COMMON), ("cpp", SLOW_CPP)])
def test_own_names_do_not_matter_and_others_do(language: Language, text: str) -> None:
    def likeness(new: str) -> float:
        document = [piece.shingles for piece in pieces(text, language)]
        asked = parts(new, language)
        return min(similarities(asked, [shingles for shingles in document if len(shingles) > 8]))

    own = ("left", "both", "name", "common", "sum", "values", "total")
    renamed = text
    for number, name in enumerate(own):
        renamed = re.sub(rf"\b{name}\b", f"v{number}", renamed)
    assert renamed != text and likeness(renamed) == pytest.approx(1)
    assert likeness(renamed.replace("append", "insert").replace("size", "begin")) < 0.95


# --- a whole run ------------------------------------------------------------------------------------------


def test_a_model_is_shown_them_and_a_resumed_run_asks_in_the_same_words(tmp_path: Path) -> None:
    put(tmp_path, dedupe=SLOW_DEDUPE, make="def make(size, seed):\n    return ([(i * 7919 + seed) % 301 for i in range(300)],)\n")
    a_run(tmp_path / "runs" / "b", SLOW_COMMON, FAST_COMMON)
    a_run(tmp_path / "runs" / "a", SLOW_UNIQUE, FAST_UNIQUE, speedup=3.0)
    words = ("--inputs", "make.py:make", "--sandbox", "process", "--quiet", "--max-tokens", "100000", "--exemplars", "runs")
    with serve(Step("I have no idea.")) as server:
        model = ("--proposer", "llm", "--strategy", "refine", "--model", "m", "--base-url", server.url, "--run", "run")
        done = codeopt("optimize", "dedupe.py", *words, *model, cwd=tmp_path)
        assert done.returncode == 1 and len(server.requests) == 3, (done.stdout, done.stderr)
        prompt = server.requests[0]["messages"][1]["content"]
        (tmp_path / "runs").rename(tmp_path / "gone")
        done = codeopt("optimize", "--resume", "run", "--quiet", cwd=tmp_path)
        assert done.returncode == 1 and len(server.requests) == 3, (done.stdout, done.stderr)
    places = [prompt.index(text) for text in ("1. 2.00x (1.80 to 2.20)", FAST_COMMON, "2. 3.00x", FAST_UNIQUE, SLOW_DEDUPE)]
    assert places == sorted(places)
    (event,) = (event for event in read_trace(tmp_path / "run") if isinstance(event, Exemplars))
    assert [Path(exemplar.run).name for exemplar in event.exemplars] == ["b", "a"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--exemplars", "."), "shown to a model, and none is used.*--model"),
        (("--exemplars", "none", "--model", "m"), "none: no such folder.*folder of runs"),
        (("--exemplars", ".", "--model", "m"), "not for kernels"),
    ],
)
def test_bad_input(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    kernel = "class Model:\n    pass\n\n\ndef get_inputs():\n    return []\n\n\ndef get_init_inputs():\n    return []\n"
    put(tmp_path, code=kernel if "kernels" in says else SLOW_DEDUPE)
    refused(codeopt("optimize", "code.py", *words, cwd=tmp_path), says)
