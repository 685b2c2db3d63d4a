"""The trace: what is written comes back, torn lines are cut, damage is named, secrets stay out."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from codeopt.errors import UserError
from codeopt.trace import (
    VERSION,
    Baseline,
    Best,
    CandidateMade,
    Event,
    Inputs,
    Note,
    Phase,
    ProposalAnswer,
    ProposalIntent,
    Resumed,
    RunFinished,
    RunStarted,
    TraceWriter,
    VerdictReached,
    read_trace,
    secrets_of,
    trace_markdown,
)
from codeopt.types import Candidate, Counts, Measurement, Profile, ProfileRow, Proposal, Status, Verdict

MEASURED = Measurement(
    pairs=10,
    speedup=2.0,
    low=1.5,
    high=math.inf,
    p_value=0.001,
    clock="cpu",
    wall_speedup=math.nan,
    baseline_s=0.2,
    candidate_s=0.1,
)


def write(folder: Path, *events: Event) -> list[Event]:
    with TraceWriter(folder) as trace:
        return [trace.add(event) for event in events]


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    source = "def f():\n    return 'ü\u2028'\n" * 100
    events = [
        RunStarted(command=("codeopt", "optimize", "f.py"), task={"file": "f.py", "long": "x" * 5000}, seed=3),
        Baseline(
            status=Status.OK,
            seconds=0.2,
            profile=Profile(tool="line_profiler", seconds=1.0, rows=(ProfileRow(file="f.py", line=3, share=0.9),)),
        ),
        Inputs(counts=Counts(visible={"recorded": 3}, hidden={"generated": 2})),
        CandidateMade(
            candidate=Candidate(
                id="c1", parent="c0", proposal=Proposal(source=source, proposer="rules", note="n", flags=("-O3",))
            )
        ),
        VerdictReached(candidate="c1", verdict=Verdict(status=Status.OK, search=MEASURED, notes=("a", "b"))),
        Phase(phase="search"),
        Best(candidate="c1", measurement=MEASURED),
        RunFinished(exit_code=0, reason="done"),
    ]
    written = write(tmp_path, *events)
    back = list(read_trace(tmp_path))
    assert repr(back) == repr(written)  # repr: NaN is not equal to itself
    assert [event.seq for event in back] == list(range(len(events)))
    assert all(len(line) < 2000 for line in (tmp_path / "trace.jsonl").read_bytes().split(b"\n"))
    for line in (tmp_path / "trace.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


@pytest.mark.parametrize("cut", [1, 2, 10, 40])
def test_a_torn_last_line_is_ignored_and_cut(tmp_path: Path, cut: int) -> None:
    write(tmp_path, RunStarted(), Note(text="one"), Note(text="two is torn"))
    path = tmp_path / "trace.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    assert [event.event for event in read_trace(tmp_path)] == ["run_started", "note"]
    with TraceWriter(tmp_path) as trace:
        assert trace.resumed
        trace.add(Resumed())
    assert [event.event for event in read_trace(tmp_path)] == ["run_started", "note", "resumed"]


def test_zeros_after_a_power_cut_are_a_torn_line(tmp_path: Path) -> None:
    write(tmp_path, RunStarted())
    with (tmp_path / "trace.jsonl").open("ab") as file:
        file.write(b"\0" * 100 + b"\n")
    assert len(list(read_trace(tmp_path))) == 1
    write(tmp_path, Resumed())
    assert len(list(read_trace(tmp_path))) == 2


def test_damage_in_the_middle_is_an_error_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, RunStarted(), Note(text="one"), Note(text="two"))
    path = tmp_path / "trace.jsonl"
    lines = path.read_bytes().split(b"\n")
    for bad in (b"{torn", b'{"event":"note","t":1,"seq":1,"surprise":1}', b'{"event":"nothing","t":1,"seq":1}', b"7"):
        path.write_bytes(b"\n".join([lines[0], bad, *lines[2:]]))
        with pytest.raises(UserError, match="line 2: damaged"):
            list(read_trace(tmp_path))
    path.write_bytes(b"\n".join([lines[0], *lines[2:]]))
    with pytest.raises(UserError, match="event 2 where 1 should be"):
        TraceWriter(tmp_path)


@pytest.mark.parametrize("kind", ["run_started", "resumed"])
def test_a_newer_version_is_refused(tmp_path: Path, kind: str) -> None:
    record = {"event": kind, "t": 1.0, "seq": 0, "version": VERSION + 1, "something_new": True}
    (tmp_path / "trace.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(UserError, match="update codeopt"):
        list(read_trace(tmp_path))
    with pytest.raises(UserError, match="update codeopt"):
        TraceWriter(tmp_path)


def test_a_folder_without_a_trace(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no trace\.jsonl"):
        list(read_trace(tmp_path))


def test_two_processes_cannot_write_the_same_run(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from codeopt.trace import TraceWriter\n"
        "from codeopt.errors import UserError\n"
        "try: TraceWriter(Path(sys.argv[1]))\n"
        "except UserError as error: sys.exit(str(error))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with TraceWriter(tmp_path):
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert second.returncode == 1 and "another process is writing this run" in second.stderr
    assert subprocess.run(command, timeout=60).returncode == 0


def test_a_killed_writer_loses_no_event(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from codeopt.trace import *\n"
        "trace = TraceWriter(Path(sys.argv[1])); trace.add(RunStarted())\n"
        "for number in range(10**9):\n"
        "    trace.note(f'{number} ' + 'x' * (number % 3000)); print(number, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    whole = [int(line) for line in said if line.endswith("\n")]
    noted = [int(event.text.split()[0]) for event in read_trace(tmp_path) if isinstance(event, Note)]
    assert noted[: len(whole)] == whole
    write(tmp_path, Resumed())


def test_a_full_disk_takes_the_line_back(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys; from pathlib import Path; from codeopt.trace import *\n"
        "from codeopt.errors import UserError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "trace = TraceWriter(Path(sys.argv[1])); trace.add(RunStarted())\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))\n"
        "try:\n"
        "    for number in range(100): trace.note('x' * 300)\n"
        "except UserError as error: sys.exit(str(error))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and "cannot write to" in done.stderr
    assert (tmp_path / "trace.jsonl").read_bytes().endswith(b"\n")
    assert 2 <= len(list(read_trace(tmp_path))) <= 5
    write(tmp_path, Resumed())


def test_a_changed_body_is_found_out(tmp_path: Path) -> None:
    write(tmp_path, RunStarted(), Note(text="y" * 2000))
    (body,) = (tmp_path / "bodies").iterdir()
    body.write_text("z" * 2000)
    with pytest.raises(UserError, match="does not match its name"):
        list(read_trace(tmp_path))
    body.unlink()
    with pytest.raises(UserError, match="is missing"):
        list(read_trace(tmp_path))
    with TraceWriter(tmp_path) as trace, pytest.raises(UserError, match="is missing"):
        trace.bodies.get("../trace.jsonl")


def test_secrets_are_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", 'sk-abc"def123')
    monkeypatch.setenv("MY_SERVICE_TOKEN", "t0ken-0123456789")
    monkeypatch.setenv("KEY", "true")
    with TraceWriter(tmp_path, secrets=["given-elsewhere"]) as trace:
        text = 'sk-abc"def123 t0ken-0123456789 given-elsewhere true'
        trace.add(RunStarted(options={text: {"deep": [text, ("x" * 1100) + text]}}))
        name = trace.bodies.put(text)
        assert trace.bodies.get(name) == "*** *** *** true"
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (b"sk-abc", b"t0ken", b"given-elsewhere"):
        assert secret not in everything
    (started,) = read_trace(tmp_path)
    assert isinstance(started, RunStarted) and started.options["*** *** *** true"]["deep"][0] == "*** *** *** true"


def test_what_counts_as_a_secret() -> None:
    environment = {
        "OPENAI_API_KEY": "sk-123",
        "GITHUB_TOKEN": "ghp_0123456789",
        "DB_PASSWORD": "hunter2hunter2",
        "SORT_KEY": "name",
        "PRIMARY_KEY": "identifier",
        "KEYBOARD": "a-very-long-value-1",
        "MONKEY": "also-long-enough-1",
        "EMPTY_SECRET": "",
    }
    assert set(secrets_of(environment)) == {"sk-123", "ghp_0123456789", "hunter2hunter2"}


def test_an_interrupt_between_write_and_count_breaks_nothing(tmp_path: Path) -> None:
    with TraceWriter(tmp_path) as trace:
        trace.add(RunStarted())
        line = json.dumps({"event": "note", "t": 1.0, "seq": 1, "level": "note", "text": "written, not counted"})
        with (tmp_path / "trace.jsonl").open("a") as file:
            file.write(line + "\n")
        trace.note("next")
    assert [event.seq for event in read_trace(tmp_path)] == [0, 1, 2]


def test_ids_of_paid_events(tmp_path: Path) -> None:
    with TraceWriter(tmp_path) as trace:
        prompt = trace.bodies.put("prompt", durable=True)
        trace.add(
            ProposalIntent(id="a", proposer="llm", model="m", host="h", prompt_sha256=prompt, seed=0, index=0)
        )
        trace.add(ProposalAnswer(id="a", answer_sha256=trace.bodies.put("answer"), dollars=0.5))
        assert trace.bodies.get(prompt) == "prompt"
    assert [getattr(event, "id", "") for event in read_trace(tmp_path)] == ["a", "a"]


def test_every_field_is_documented() -> None:
    text = (Path(__file__).parent.parent / "docs" / "trace.md").read_text(encoding="utf-8")
    assert text == trace_markdown(), "run python -m codeopt.trace > docs/trace.md"
    models: list[type[BaseModel]] = [
        *get_args(Event), Candidate, Counts, Measurement, Profile, ProfileRow, Proposal, Verdict
    ]  # fmt: skip
    for model in models:
        title = model.model_fields["event"].default if "event" in model.model_fields else model.__name__
        section = re.search(rf"^### `?{title}`?\n(.*?)(?=^###|\Z)", text, re.MULTILINE | re.DOTALL)
        assert section, title
        for field in model.model_fields:
            assert re.search(rf"^\| `{field}` \| .+ \| .+ \|$", section[1], re.MULTILINE), (title, field)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write to"):
        TraceWriter(tmp_path / "file" / "run")
    assert os.listdir(tmp_path) == ["file"]
