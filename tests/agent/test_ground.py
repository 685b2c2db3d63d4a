"""What a run's trace says about the libraries that its program ran under."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path

from codeopt.agent.ground import ground_of
from codeopt.agent.tasks.model import Task
from codeopt.datasets.deprecated import versions_of
from codeopt.trace import RunStarted, read_trace
from tests.commandline import codeopt

TEXT = "import json\nimport numpy as np\n\ndef f(n: int) -> int:\n    import dateutil, line_profiler, nothing_of_that_name\n    return int(np.arange(n).sum())\n"


def test_the_imports_of_a_program_have_their_versions(tmp_path: Path) -> None:
    file = tmp_path / "f.py"
    file.write_text(TEXT)
    machine = ground_of(Task(kind="function", file=str(file)), ("rich",))
    assert machine["interpreter"] == platform.python_version()
    wanted = {name: importlib.metadata.version(name) for name in ("line-profiler", "numpy", "python-dateutil", "rich")}
    found = {name.replace("_", "-"): version for name, version in machine["libraries"].items()}
    assert found == wanted and machine["provides"]["dateutil"] == "python-dateutil"
    told = versions_of(TEXT, machine)
    assert told["python"] == platform.python_version() and told["numpy"] == wanted["numpy"]
    assert told["python-dateutil"] == wanted["python-dateutil"] and "rich" not in told


def test_a_run_writes_them_down(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(TEXT.replace("dateutil, line_profiler, nothing_of_that_name", "rich"))
    done = codeopt("optimize", "f.py:f", "--proposer", "rules", "--sandbox", "process", "--time", "5", "--run", "run", cwd=tmp_path)
    event = next(iter(read_trace(tmp_path / "run")), None)
    assert isinstance(event, RunStarted), done.stderr
    assert {"numpy", "rich"} <= set(event.machine["libraries"]) and event.machine["interpreter"] == platform.python_version()
