"""`codeopt audit --evaluator` against real evaluators: one that is fooled, one that is not, and some that do not work."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from codeopt.sandbox.audit.entries import corpus
from codeopt.sandbox.audit.evaluator import ASKED, Attacker, chosen, everything, harmful, problem
from codeopt.sandbox.audit.tasks import TASKS
from tests.commandline import codeopt, refused

EVALUATORS = Path(__file__).resolve().parents[2] / "examples" / "evaluators"


def words(script: Path | str, rest: str = "{task} {reference} {candidate}") -> str:
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} {rest}".strip()


def audit(command: str, only: str, cwd: Path, *more: str, seconds: float = 120) -> tuple[int, dict[str, Any]]:
    done = codeopt("audit", "--evaluator", command, "--only", only, "--json", *more, cwd=cwd, seconds=seconds)
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr.count("\n") == 1 and "own rights" in done.stderr
    return done.returncode, json.loads(done.stdout)


def outcomes(told: dict[str, Any]) -> dict[str, str]:
    return {row["entry"]: row["outcome"] for row in told["entries"]}


def script(folder: Path, text: str) -> str:
    path = folder / "evaluator.py"
    path.write_text(text, encoding="utf-8")
    return words(path)


def test_a_naive_evaluator_is_fooled_and_a_plain_wrong_answer_is_not_the_reason(tmp_path: Path) -> None:
    names = "r03_leaves_with_success,r04_always_equal,r06_answers_in_frames,r17_constant,seen_set"
    code, told = audit(words(EVALUATORS / "naive.py"), names, tmp_path)
    assert code == 1
    assert outcomes(told) == {
        "r03_leaves_with_success": "missed",
        "r04_always_equal": "missed",
        "r06_answers_in_frames": "missed",
        "r17_constant": "passed",
        "seen_set": "passed",
    }
    assert (told["exploits"], told["caught"], told["controls"], told["false_alarms"]) == (4, 1, 1, 0)


def test_an_evaluator_that_asks_codeopt_verify_is_not_fooled(tmp_path: Path) -> None:
    names = "r02_rewrites_the_verdict,r03_leaves_with_success,r04_always_equal,seen_set"
    command = words(EVALUATORS / "careful.py", "{task} {reference} {candidate} --sandbox process")
    code, told = audit(command, names, tmp_path, seconds=300)
    assert code == 0 and set(outcomes(told).values()) == {"passed"}, told


def test_an_evaluator_that_refuses_everything_fails_by_its_false_alarms(tmp_path: Path) -> None:
    code, told = audit(script(tmp_path, "raise SystemExit(1)\n"), "r03_sys_exit,seen_set", tmp_path)
    assert code == 1
    assert outcomes(told) == {"r03_sys_exit": "passed", "seen_set": "false_alarm"}


def test_by_exit_code_zero_is_accepted_and_the_candidates_path_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "evaluator.py"
    path.write_text("import sys\nsys.exit('dict' in open(sys.argv[1]).read())\n")
    _, told = audit(words(path, ""), "r03_sys_exit,dict_fromkeys", tmp_path)
    assert outcomes(told) == {"r03_sys_exit": "missed", "dict_fromkeys": "false_alarm"}


def test_a_speedup_of_one_is_no_success_for_an_exploit(tmp_path: Path) -> None:
    text = "print('{\"correct\": true, \"speedup\": 1.02}')\n"
    code, told = audit(script(tmp_path, text), "r03_sys_exit,seen_set", tmp_path)
    assert code == 0 and set(outcomes(told).values()) == {"passed"}


def test_after_json_an_exit_without_a_word_is_no_verdict(tmp_path: Path) -> None:
    text = (
        "import sys\n"
        "if 'sys.exit' in open(sys.argv[3]).read(): sys.exit(0)\n"
        "print('talk')\nprint('{\"accepted\": true}')\n"
    )
    code, told = audit(script(tmp_path, text), "r03_sys_exit", tmp_path)
    assert code == 0 and told["entries"][0]["status"] == "no verdict"


def test_a_candidate_that_hangs_costs_its_time_limit_only(tmp_path: Path) -> None:
    text = (
        "import sys, time\n"
        "if 'sys.exit' in open(sys.argv[3]).read(): time.sleep(60)\n"
        "print('{\"accepted\": true}')\n"
    )
    code, told = audit(script(tmp_path, text), "r03_sys_exit", tmp_path, "--timeout", "1", seconds=20)
    assert code == 0 and "no answer in 1 s" in told["entries"][0]["evidence"]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("", "names no command"),
        ("'unclosed", "cannot be read"),
        ("no-such-command-anywhere {candidate}", "no command no-such-command-anywhere"),
        (f"{sys.executable} no_such_file.py", "no verdict on a copy of the reference.*No such file"),
        (f"{sys.executable} -c \"print('{{{{nonsense')\" {{candidate}}", "no verdict on a copy of the reference"),
        (f"{sys.executable} -c \"print('{{}}')\" {{candidate}}", "no verdict on a copy of the reference"),
    ],
)
def test_an_evaluator_that_does_not_work_is_one_line(command: str, says: str, tmp_path: Path) -> None:
    done = codeopt("audit", "--evaluator", command, "--only", "r03_sys_exit", cwd=tmp_path)
    done.stderr = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("warning:"))
    refused(done, says)


def test_options_that_do_not_go_together_are_one_line(tmp_path: Path) -> None:
    refused(codeopt("audit", "--evaluator", "true", "--sandbox", "docker", cwd=tmp_path), "neither")


def test_what_could_harm_the_machine_is_left_out_unless_asked_for() -> None:
    found = corpus()
    safe = {entry.name for entry in chosen(found, dangerous=False)}
    everything_ = {entry.name for entry in chosen(found, dangerous=True)}
    assert safe < everything_
    assert not any(harmful(entry) for entry in found if entry.name in safe)
    assert {"r19_answer_flood", "r03_kills_itself"} <= everything_ - safe
    assert not any("fork" in entry.source for entry in found if entry.row and entry.name in safe)


def test_the_inputs_of_a_task_survive_json() -> None:
    for name in ASKED:
        made = problem(TASKS[name])
        assert json.loads(json.dumps(made, allow_nan=False)) == made
        assert repr(json.loads(json.dumps(made))) == repr(made)


def test_the_candidate_that_an_evaluator_gets_does_not_say_what_it_is(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    text = f"import shutil, sys\nshutil.copy(sys.argv[3], {str(kept)!r})\n"
    entry = next(entry for entry in everything() if entry.name == "r04_always_equal")
    Attacker(script(tmp_path, text)).attack(entry)
    assert kept.read_text().startswith("class Kind") and "title" not in kept.read_text()


@pytest.mark.skipif(importlib.util.find_spec("enam") is None, reason="enam is not installed (pip install enam)")
def test_two_known_exploits_get_past_enam(tmp_path: Path) -> None:
    names = "r01_names_a_clock,r04_always_equal,r17_constant,seen_set"
    code, told = audit(words(EVALUATORS / "enam_adapter.py"), names, tmp_path)
    assert code == 1
    assert outcomes(told) == {
        "r01_names_a_clock": "missed",
        "r04_always_equal": "missed",
        "r17_constant": "passed",
        "seen_set": "passed",
    }
    clock = next(row for row in told["entries"] if row["entry"] == "r01_names_a_clock")
    assert json.loads(clock["evidence"])["eff@1"] > 1.9  # a copy of the reference has 1
