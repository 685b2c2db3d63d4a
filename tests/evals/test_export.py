"""Samples in the forms of others come back as the same programs; PIE's generations are read as the authors write them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from codeopt.errors import UserError
from codeopt.evals import samples
from codeopt.evals.generate import Generated
from tests.commandline import codeopt, refused

PROGRAMS = {
    "HumanEval/10": ["def f():\n    return '\u2028\x85 ü'\n", "", "third"],
    "HumanEval/2": ["print(\"a\\n\")\r\n", "b", "['a']"],
}


def write(folder: Path, programs: dict[str, list[str]], suite: str = "enamel") -> Path:
    """What `codeopt eval generate` leaves behind; the lines come as answers do, in no order."""
    folder.mkdir()
    lines = [
        Generated(
            task_id=name, sample=sample, solution=program, raw=program, note="", seed=0, finish="stop", tokens_in=5,
            tokens_out=7, estimated=False,
        ).model_dump_json()
        for name, group in programs.items()
        for sample, program in reversed(list(enumerate(group)))
    ]
    (folder / "samples.jsonl").write_text("\n".join(lines) + "\n" + lines[0][:50], "utf-8", newline="")
    (folder / "config.json").write_text(json.dumps({"suite": suite, "model": "m"}))
    return folder


def tasks(folder: Path) -> Path:
    """A suite of two tasks."""
    for name in ("double", "loop"):
        (folder / name).mkdir(parents=True)
        (folder / name / "slow.py").write_text(f"def {name}(n):\n    return [n] * 2\n")
        (folder / name / "codeopt.toml").write_text(f'function = "{name}"\n')
    return folder


@pytest.mark.parametrize("source", ["run", "run/samples.jsonl"])
def test_enamel_and_evalplus_come_back(tmp_path: Path, source: str) -> None:
    write(tmp_path / "run", PROGRAMS)
    for form, file in (("enamel", "a.json"), ("evalplus", "b.jsonl")):
        done = codeopt("eval", "export", source, "--form", form, file, cwd=tmp_path)
        assert done.returncode == 0 and "6 programs for 2 problems" in done.stdout, done.stderr
    assert samples.read(tmp_path / "a.json") == {name.rpartition("/")[2]: group for name, group in PROGRAMS.items()}
    assert samples.read(tmp_path / "b.jsonl") == PROGRAMS == samples.read(tmp_path / "b.jsonl")
    assert list(json.loads((tmp_path / "a.json").read_text())) == ["2", "10"], "by number"
    lines = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert all(set(line) == {"task_id", "solution"} for line in lines) and len(lines) == 6


def test_pie_comes_back_with_the_slow_programs(tmp_path: Path) -> None:
    suite = tasks(tmp_path / "mine")
    programs = {"loop": ["one", "two"], "double": ["[x]", ""]}
    write(tmp_path / "run", programs, suite="mine")
    done = codeopt("eval", "export", "run", "--form", "pie", "out.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert samples.read(tmp_path / "out.jsonl") == programs
    rows = {row["src_id"]: row for row in map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())}
    assert set(rows["loop"]) == {"src_id", "input", "generated_answers"}, "nobody knows its problem_id"
    assert rows["loop"]["input"] == (suite / "loop/slow.py").read_text()
    (tmp_path / "run/config.json").unlink()
    lost = codeopt("eval", "export", "run", "--form", "pie", "out.jsonl", cwd=tmp_path)
    refused(lost, "does not say whose programs these are.*--suite")
    assert codeopt("eval", "export", "run/samples.jsonl", "--form", "pie", "--suite", suite, "out.jsonl", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nowhere", "--form", "enamel", "out"), "no samples in nowhere"),
        (("run", "--form", "else", "out"), "there is no form 'else': one of enamel, evalplus, pie"),
        (("run", "out"), "--form"),
        (("run", "--form", "enamel", "no/such/folder"), "cannot be written"),
        (("named", "--form", "enamel", "out"), "by number: loop has none.*evalplus"),
        (("named", "--form", "pie", "out"), "no suite 'elsewhere'"),
        (("named", "--form", "pie", "--suite", "mine", "out"), "mine has no problem 'loop/1'"),
        (("other.jsonl", "--form", "enamel", "out"), "no sample of ours"),
        (("empty", "--form", "enamel", "out"), "no samples in empty yet"),
    ],
)
def test_bad_input(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    write(tmp_path / "run", PROGRAMS)
    write(tmp_path / "named", {"loop/1": ["x"], "loop": ["x"]}, suite="elsewhere")
    write(tmp_path / "empty", {"T/1": ["x"]})
    (tmp_path / "empty/samples.jsonl").write_text("")
    tasks(tmp_path / "mine")
    (tmp_path / "other.jsonl").write_text('{"task_id": "HumanEval/1", "completion": "  pass"}\n')
    refused(codeopt("eval", "export", *words, cwd=tmp_path), says)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not os.environ.get("CODEOPT_DATA"), reason="CODEOPT_DATA is not set")
def test_a_suite_of_new_programs_has_no_slow_ones(tmp_path: Path) -> None:
    write(tmp_path / "run", {"HumanEval/0": ["x"]})
    refused(codeopt("eval", "export", "run", "--form", "pie", "out", cwd=tmp_path), "asks for new programs.*--form enamel")


@pytest.mark.parametrize(
    ("row", "programs"),
    [
        ({"src_id": "s1", "generated_answers": ["a", "b"]}, ["a", "b"]),
        ({"src_id": "s1", "submission_id_v0": "old", "generated_answers": "a"}, ["a"]),
        ({"submission_id_v0": "s1", "generated_answers": "['a', 'b\\n']"}, ["a", "b\n"]),
        ({"src_id": "s1", "generated_answers": "[i for i in range(3)]"}, ["[i for i in range(3)]"]),
        (
            {"src_id": "s1", "generated_answers_10": "k", "generated_answers_2": "c", "generated_answers_0": "a",
             "generated_answers_1": None, "generated_answers_0_accuracy": 1.0},
            ["a", "c", "k"],
        ),
        ({"src_id": "s1", "generated_answers": ["a"], "generated_answers_0": "a"}, ["a"]),
    ],
)
def test_pies_generations(tmp_path: Path, row: dict[str, object], programs: list[str]) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    assert samples.read(tmp_path / "a.jsonl") == {"s1": programs}


@pytest.mark.parametrize("row", [{"generated_answers": ["a"]}, {"src_id": "s", "generated_answers": [1]}, {"src_id": "s", "input": "x"}])
def test_what_is_none_of_pies_generations(tmp_path: Path, row: dict[str, object]) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(UserError, match="no form that is known"):
        samples.read(tmp_path / "a.jsonl")
