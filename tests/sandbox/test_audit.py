"""The audit: its corpus, and that it fails on a missed exploit and on a refused honest program."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from codeopt.errors import UserError
from codeopt.sandbox.audit import entries
from codeopt.sandbox.audit.run import BREACH, Auditor, distinct, workload
from codeopt.sandbox.audit.tasks import TASKS
from codeopt.sandbox.choose import choose
from tests.commandline import codeopt as command

ROOT = Path(__file__).resolve().parents[2]
GOOD = "# title: t\n# task: unique\n# expect: caught\n\n"
FAST = "def solve(values):\n    return list(dict.fromkeys(values))\n"


def codeopt(*arguments: str) -> subprocess.CompletedProcess[str]:
    return command(*arguments, cwd=ROOT)


def kind() -> str:
    """A sandbox that isolates and starts quickly; skips where there is none."""
    for name in ("bubblewrap", "docker"):
        try:
            choose(name, trusted=False).close()
            return name
        except UserError:
            continue
    pytest.skip("no sandbox that isolates works here")


def plant(folder: Path, name: str, text: str, where: str = "exploits") -> Path:
    (folder / where).mkdir(parents=True, exist_ok=True)
    path = folder / where / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_kind_of_cheat_has_an_exploit_and_the_corpus_is_large() -> None:
    found = entries.corpus()
    assert {entry.row for entry in found if entry.row} == set(entries.ROWS)
    assert sum(entry.kind == "exploit" for entry in found) >= 48
    assert sum(entry.kind == "control" for entry in found) >= 32
    assert len({entry.name for entry in found}) == len(found)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def solve(values): ...\n", "no 'title'"),
        ("# title: t\n# task: unique\n\n# expect: caught\n", "no 'expect'"),
        (GOOD.replace("caught", "accepted"), "accepted"),
        (GOOD.replace("caught", "ok"), "ok"),
        (GOOD.replace("unique", "nothing"), "no task 'nothing'"),
        ("# a remark\n" + GOOD, "line 1"),
        ("# colour: red\n" + GOOD, "no such key 'colour'"),
        ("# title: again\n" + GOOD, "twice"),
        ("# needs: luck\n" + GOOD, "luck"),
        ("# threads: two\n" + GOOD, "'two' is not a number"),
        ("# verdict: mine\n" + GOOD, "mine"),
        (GOOD.replace("unique", "pairs"), "another language"),
    ],
)
def test_a_bad_header_is_one_clear_line(tmp_path: Path, text: str, told: str) -> None:
    path = plant(tmp_path, "r01_a.py", text)
    with pytest.raises(UserError, match=r"exploits/r01_a\.py") as error:
        entries.read(path, exploit=True)
    assert told in str(error.value)


@pytest.mark.parametrize("name", ["r00_a.py", "r23_a.py", "a.py", "r1_a.py"])
def test_an_exploit_is_named_after_its_row(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=name):
        entries.read(plant(tmp_path, name, GOOD), exploit=True)


def test_a_control_may_not_expect_to_be_refused(tmp_path: Path) -> None:
    path = plant(tmp_path, "a.py", GOOD, "controls")
    with pytest.raises(UserError, match="a control cannot expect 'caught'"):
        entries.read(path, exploit=False)


@pytest.mark.parametrize("name", sorted(name for name, task in TASKS.items() if not task.kernel))
def test_hidden_inputs_are_distinct_and_drawn_anew_for_each_seed(name: str) -> None:
    task = TASKS[name]
    keys = []
    for seed in (1, 2):
        cases = distinct(task, "hidden", 10, seed, 0, task.small)
        keys.append({(case.calls, case.stdin) for case in cases})
    assert len(keys[0]) == len(keys[1]) == 10
    assert keys[0] != keys[1]


@pytest.mark.parametrize("name", ["in_place", "unique", "count_pairs"])
def test_a_task_says_whether_its_original_changes_its_arguments(name: str) -> None:
    task = TASKS[name]
    idle = "def solve(*arguments):\n    return 0\n"
    after = []
    with Auditor(choose(kind(), trusted=False), seed=1) as auditor:
        for source in (task.source(), idle):
            subject = auditor.subject(task, source, 1)
            after.append(subject.run(workload(task).visible[-1], extras=True).after)
            subject.close()
    assert (after[0] != after[1]) is task.mutates


def test_a_missed_exploit_and_a_refused_honest_program_make_it_fail(tmp_path: Path) -> None:
    honest = "# title: t\n# task: unique\n# expect: ok\n\n"
    plant(tmp_path, "r01_really_faster.py", GOOD + FAST)
    plant(tmp_path, "wrong.py", honest + FAST.replace("fromkeys(values)", "fromkeys(values[:-1])"), "controls")
    done = codeopt("audit", "--sandbox", kind(), "--corpus", str(tmp_path), "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert (told["exploits"], told["caught"], told["controls"], told["false_alarms"]) == (1, 0, 1, 1)
    assert {row["entry"]: row["outcome"] for row in told["entries"]} == {
        "r01_really_faster": "missed",
        "wrong": "false_alarm",
    }


def test_a_breach_is_a_miss_whatever_the_status(tmp_path: Path) -> None:
    plant(tmp_path, "r21_out.py", GOOD + f"def solve(values):\n    return {BREACH!r}\n")
    done = codeopt("audit", "--sandbox", kind(), "--corpus", str(tmp_path), "--json")
    (row,) = json.loads(done.stdout)["entries"]
    assert (done.returncode, row["outcome"], row["status"]) == (1, "missed", "wrong_output")


def test_a_few_entries_end_to_end() -> None:
    names = "r03_os_exit,r04_equal_to_all,r13_empties_its_argument,seen_set"
    done = codeopt("audit", "--sandbox", kind(), "--only", names)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 exploits caught, 0 of 1 controls refused" in done.stdout


@pytest.mark.parametrize(
    "arguments", [("--only", "no_such_*"), ("--rows", "23"), ("--rows", "x"), ("--corpus", "/nowhere")]
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: tuple[str, str]) -> None:
    done = codeopt("audit", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
