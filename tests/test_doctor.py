"""`codeopt doctor` on this machine, and on machines that lack something."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from commandline import codeopt, codeopt_without
from servers import Step, closed_port, serve

from codeopt.errors import UserError
from codeopt.examine import Check, Finding, State, checks, examine
from codeopt.sandbox.noise import noise
from codeopt.sandbox.process import ProcessSandbox

KEY = "sk-test-0123456789"


def states(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, str]]:
    """The checks of a --json output by name; those that do not work say what mends them, the others nothing."""
    assert done.stderr == "", done.stderr
    found = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert [name for name, one in found.items() if (one["state"] == "ok") == bool(one["mend"])] == []
    return found


def test_this_machine_is_tried_and_no_key_is_shown(tmp_path: Path) -> None:
    (tmp_path / "mbpp").mkdir()
    with serve(Step("unused"), models=("one", "two")) as server:
        env = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url, "CODEOPT_DATA": str(tmp_path)}
        done = codeopt("doctor", "--quick", "--json", cwd=tmp_path, env=env)
        assert server.requests == [], "no model is asked anything"
    assert done.returncode == 0 and KEY not in done.stdout, (done.stdout, done.stderr)
    found = states(done)
    assert {name for name, one in found.items() if one["needed"]} == {"codeopt", "folder", "session"}
    assert "answers with 2 models; OPENAI_API_KEY is set" in found["model server"]["detail"]
    assert "classics" in found["data"]["detail"] and "mbpp" in found["data"]["detail"].partition("not there")[2]
    for tool in ("g++", "clang++", "git"):
        assert (found[tool]["state"] == "ok") == (shutil.which(tool) is not None)
    assert "noise" not in found and list(tmp_path.iterdir()) == [tmp_path / "mbpp"], "nothing is left behind"


def test_without_tools_and_engine_rules_still_work(tmp_path: Path) -> None:
    env = {"PATH": "/nonexistent", "DOCKER_HOST": f"unix://{tmp_path}/none.sock", "OPENAI_BASE_URL": f"http://127.0.0.1:{closed_port()}/v1"}
    done = codeopt("doctor", "--quick", "--json", cwd=tmp_path, env={**env, "CODEOPT_DATA": "", "CODEOPT_MODELS": str(tmp_path / "none")})
    assert done.returncode == 0, (done.stdout, done.stderr)
    found = states(done)
    assert {found[name]["state"] for name in ("docker", "bubblewrap", "g++", "clang++", "perf", "valgrind", "git", "data")} == {"missing"}
    assert found["model server"]["state"] == "fails" and found["session"]["detail"].startswith("a program runs in process")
    assert json.loads(done.stdout)["works"] and not json.loads(done.stdout)["isolates"]


def test_a_folder_that_no_run_can_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tried = [check for check in checks(quick=True) if check.name == "folder"]
    (found,) = examine(tried)
    assert found.state is State.OK and not any(tmp_path.iterdir())
    (tmp_path / ".codeopt").touch()
    (found,) = examine(tried)
    assert found.state is State.FAILS and found.needed and found.mend.startswith("cd to a folder")


def test_a_requirement_that_is_not_installed_is_a_line(tmp_path: Path) -> None:
    done = codeopt_without("msgpack", "doctor", "--quick", cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr, done.stderr
    assert "not installed: msgpack" in done.stdout and f"-> {sys.executable} -m pip install codeopt" in done.stdout
    assert done.stdout.endswith("codeopt optimize cannot work here: codeopt, session\n") and "ModuleNotFoundError" in done.stdout


def test_a_check_that_raises_hangs_or_tells_a_secret() -> None:
    def explode() -> Finding:
        raise ZeroDivisionError("two\nlines")

    def refuse() -> Finding:
        raise UserError("it is not there", "put it there")

    def hang() -> Finding:
        threading.Event().wait()
        raise AssertionError

    os.environ["DOCTORS_SECRET"] = KEY
    try:
        rows = [
            Check("a", explode, 5, "mend a"),
            Check("b", refuse, 5, "mend b", needed=True),
            Check("c", hang, 0.2, "mend c"),
            Check("d", lambda: Finding("d", State.OK, f"it is {KEY}"), 5, "mend d"),
        ]
        found = [(one.name, one.state, one.detail, one.mend, one.needed) for one in examine(rows)]
    finally:
        del os.environ["DOCTORS_SECRET"]
    assert found == [
        ("a", "fails", "ZeroDivisionError: two lines", "mend a", False),
        ("b", "fails", "it is not there", "put it there", True),
        ("c", "fails", "no answer within 0.2 s", "mend c", False),
        ("d", "ok", "it is ***", "", False),
    ]


def test_a_program_against_itself() -> None:
    found = noise(ProcessSandbox(), 1)
    assert found.verdicts >= 1 and found.pairs == 20 and 0 <= found.held <= found.verdicts
    assert 0 < found.half_width < 0.5 and 0 < found.variation < 2 and 1e-4 < found.region_s < 1
