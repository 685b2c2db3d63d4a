"""Plan search with a real small model behind llama.cpp, started and ended by codeopt (CODEOPT_GGUF names the file)."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from pathlib import Path

import pytest

from codeopt.trace import Observed, ProposalAnswer, read_trace
from tests.commandline import codeopt

SOURCE = '''def common(left, right):
    out = []
    for item in left:
        if item in right:
            out.append(item)
    return out
'''
INPUTS = "def make(size, seed):\n    return list(range(seed, seed + size)), list(range(size))\n"


@pytest.mark.alone
@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="xllamacpp is not installed")
@pytest.mark.skipif(not os.environ.get("CODEOPT_GGUF"), reason="CODEOPT_GGUF does not name a GGUF model")
def test_a_real_model_plans_on_this_machine(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(SOURCE)
    (tmp_path / "make.py").write_text(INPUTS)
    words = ("--model", f"gguf:{os.environ['CODEOPT_GGUF']}", "--proposer", "llm", "--inputs", "make.py:make", "--sandbox", "process")
    done = codeopt(
        "optimize", "f.py", "-f", "common", *words, "--no-crosshair", "--time", "60", "--max-candidates", "2", "--run", "run", "--json",
        cwd=tmp_path, seconds=180,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert done.returncode in (0, 1), done.stderr
    (account,) = told["models"]
    events = list(read_trace(tmp_path / "run"))
    answers = [event for event in events if isinstance(event, ProposalAnswer)]
    assert account["calls"] >= len(answers) >= 1 and account["tokens_out"] > 0 and account["dollars"] == 0
    assert all(not answer.error for answer in answers if answer.finish != "time")
    assert any(isinstance(event, Observed) for event in events), "its first answer is read, whatever it holds"
    assert not subprocess.run(["pgrep", "-f", "codeopt.agent.models.gguf"], capture_output=True).stdout, "the server is gone"


def test_a_model_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(SOURCE)
    done = codeopt("optimize", "f.py", "--model", "gguf:nowhere.gguf", cwd=tmp_path)
    assert done.returncode == 2 and "nowhere.gguf cannot be read" in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
