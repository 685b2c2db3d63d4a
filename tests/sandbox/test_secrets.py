"""Secrets of the person who runs codeopt: a candidate that looks everywhere finds none of them.

Canaries are planted in a parent of its own: its environment, home, current folder, open descriptors, /tmp, sockets.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from codeopt.errors import UserError
from codeopt.sandbox.protocol import Sandbox
from tests.commandline import MAKE, SLOW_DEDUPE, codeopt, put
from tests.sandbox.attacks import ISOLATED, get
from tests.sandbox.seekers import CPP, PYTHON
from tests.servers import Step, serve

# What `codeopt optimize` does up to a candidate's first call, in a process of its own, since /proc/PID/environ is
# what a process was started with. Argument: JSON.
DRIVER = r"""
import json, os, sys
from pathlib import Path
from codeopt.agent.tasks.detect import detect
from codeopt.agent.workshop import Workshop
from codeopt.config import Settings
from codeopt.sandbox.choose import choose
from codeopt.sandbox.runner import codec
from codeopt.sandbox.workload import Case

told = json.loads(sys.argv[1])
kept = os.memfd_create("secret")
os.write(kept, told["memory"].encode())
held = open(told["open"])
folder = os.open(os.environ["HOME"], os.O_RDONLY)
reader, writer = os.pipe()
os.write(writer, told["memory"].encode())
for fd in (kept, held.fileno(), folder, reader):
    os.set_inheritable(fd, True)
task = detect(Path(told["file"]), Settings(function=told["function"] or None))
with Workshop(task, choose(told["kind"], trusted=False)) as shop:
    if told["function"]:
        everywhere = told["kind"] != "process"
        call = codec.encode({"args": [told["paths"], told["ports"], 20, everywhere], "kwargs": {}})
        case = Case("c", "case", (call,))
    else:
        case = Case("c", "case", stdin="\n".join(told["paths"]).encode())
    sample = shop.subject(told["source"]).run(case, limit_s=90, extras=True)
    print(json.dumps([str(sample.status), sample.evidence, (sample.answer + sample.stdout).decode("latin-1")]))
"""


@dataclass
class Planted:
    """A home, a project and the environment of somebody who has secrets; `paths` and `ports` are where they are."""

    home: Path
    project: Path
    env: dict[str, str]
    canaries: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)

    def canary(self, name: str) -> str:
        return self.canaries.setdefault(name, f"KANARI-{name}-{secrets.token_hex(6)}")

    def plant(self, path: Path, name: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"secret = {self.canary(name)}\n")
        path.chmod(0o644)
        self.paths.append(str(path))


def _serve(planted: Planted, listener: socket.socket, name: str, stop: threading.Event) -> threading.Thread:
    text = planted.canary(name).encode()
    listener.listen()
    listener.settimeout(0.1)

    def run() -> None:
        while not stop.is_set():
            try:
                sock, _ = listener.accept()
            except TimeoutError:
                continue
            with sock:
                sock.sendall(text)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[Planted]:
    """Everything readable by all, so that only the sandbox keeps it."""
    base = Path(tempfile.mkdtemp(prefix="planted-"))
    base.chmod(0o755)
    made = Planted(base / "home", base / "home" / "project", {})
    for name, place in (
        ("ssh", ".ssh/id_ed25519"),
        ("netrc", ".netrc"),
        ("aws", ".aws/credentials"),
        ("config", ".config/gh/hosts.yml"),
        ("history", ".bash_history"),
        ("notes", "notes.txt"),
        ("docker", ".docker/auth.json"),
        ("dotenv", "project/.env"),
        ("git", "project/.git/config"),
        ("envrc", "project/.envrc"),
        ("tests", "project/tests/test_main.py"),
        ("sibling", "project/deploy/keys.txt"),
        ("trace", "project/.codeopt/runs/old/trace.jsonl"),
    ):
        made.plant(made.home / place, name)
    made.plant(base / "tmpfile.txt", "tmp")
    (made.project / "pyproject.toml").write_text("[project]\nname = 'p'\nversion = '1'\n")
    shown = f"# {made.canary('shown')}: what the program imports is for the candidate too\nX = 1\n"
    # It may do all that a seeker does: otherwise the screen would refuse one before it runs.
    able = "import os, socket\nimport helper\n\nUSES = (open, os.environ, os.walk)\n"
    put(made.project, main=f"{able}\n\n{SLOW_DEDUPE}", helper=shown)
    made.env = {
        "HOME": str(made.home),
        "OPENAI_API_KEY": made.canary("openai"),
        "AWS_SECRET_ACCESS_KEY": made.canary("awskey"),
        "GITHUB_TOKEN": made.canary("github"),
        "PLAIN_SETTING": made.canary("plain"),
        "SSH_AUTH_SOCK": f"{base}/agent.sock",
    }
    stop = threading.Event()
    named, abstract, port = (socket.socket(family) for family in (socket.AF_UNIX, socket.AF_UNIX, socket.AF_INET))
    with named, abstract, port:
        named.bind(f"{base}/agent.sock")
        os.chmod(f"{base}/agent.sock", 0o777)
        hidden = f"kanari-{secrets.token_hex(4)}"
        abstract.bind(f"\0{hidden}")
        port.bind(("127.0.0.1", 0))
        made.paths += [f"{base}/agent.sock", f"@{hidden}"]
        made.ports.append(port.getsockname()[1])
        threads = [
            _serve(made, sock, name, stop) for sock, name in ((named, "unix"), (abstract, "abstract"), (port, "tcp"))
        ]
        try:
            yield made
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            shutil.rmtree(base)


def sought(planted: Planted, kind: str, file: Path, function: str, source: str) -> str:
    """What the candidate `source` answered in a session of `kind`."""
    told = {
        "kind": kind,
        "file": str(file),
        "function": function,
        "source": source,
        "paths": planted.paths,
        "ports": planted.ports,
        "memory": planted.canary("memory"),
        "open": str(planted.home / "notes.txt"),
    }
    # The arguments hold a canary as well: anyone who may read the parent's /proc would know it.
    environment = {**os.environ, **planted.env, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(told)],
        cwd=planted.project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    status, evidence, answer = json.loads(done.stdout.splitlines()[-1])
    assert status == "ok", evidence
    return str(answer)


def hits(planted: Planted, text: str) -> set[str]:
    return {name for name, canary in planted.canaries.items() if canary in text}


@pytest.mark.parametrize("kind", ISOLATED)
def test_a_function_that_looks_everywhere(
    kind: str, planted: Planted, sandboxes: dict[str, Sandbox | UserError]
) -> None:
    get(kind, sandboxes)
    source = f"import helper\n{PYTHON}\ndef dedupe(*where):\n    return seek(*where)\n"
    text = sought(planted, kind, planted.project / "main.py", "dedupe", source)
    # That it finds what it may see shows that it looked.
    assert hits(planted, text) == {"shown"}, text
    assert "connected" not in text, text


@pytest.mark.parametrize("kind", ISOLATED)
def test_a_native_program_that_looks_everywhere(
    kind: str, planted: Planted, sandboxes: dict[str, Sandbox | UserError]
) -> None:
    get(kind, sandboxes)
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    file = planted.project / "main.cpp"
    file.write_text('#include <cstdio>\n#include "shown.h"\nint main() { std::puts("x"); }\n')
    (planted.project / "shown.h").write_text(f"// {planted.canary('shown')}\n")
    text = sought(planted, kind, file, "", CPP)
    assert hits(planted, text) <= {"shown"}, text
    assert "docker" not in text and int(text.rpartition("read ")[2].split()[0]) > 20, text


def test_the_seeker_finds_them_where_nothing_is_isolated(planted: Planted) -> None:
    """The same search of the named places as a plain process: otherwise the tests above would prove nothing."""
    source = f"import helper\n{PYTHON}\ndef dedupe(*where):\n    return seek(*where)\n"
    text = sought(planted, "process", planted.project / "main.py", "dedupe", source)
    assert hits(planted, text) >= {"ssh", "netrc", "aws", "dotenv", "git", "tmp", "unix", "abstract", "tcp"}


@pytest.mark.parametrize("kind", ISOLATED)
def test_the_key_of_a_model_is_in_no_file_of_the_run(
    kind: str, planted: Planted, sandboxes: dict[str, Sandbox | UserError]
) -> None:
    """The candidate gives what it found as its answer, which becomes evidence and goes back to the model."""
    get(kind, sandboxes)
    put(planted.project, make=MAKE)
    key = planted.canary("openai")
    candidate = (
        f"import helper\n{PYTHON}\n\ndef dedupe(xs: list[int]) -> list[int]:\n"
        f"    return seek({planted.paths!r}, {planted.ports!r}, 0.2)[0]\n"
    )
    answer = f"It looks around. Key: {key}\n```python\n{candidate}```\n"
    with serve(Step(answer)) as server:
        done = codeopt(
            *("optimize", "main.py", "--function", "dedupe", "--inputs", "make.py:make", "--sandbox", kind),
            *("--proposer", "llm", "--strategy", "refine", "--model", "m", "--base-url", server.url, "--price-in", "1", "--price-out", "1"),
            *("--max-candidates", "2", "--run", "run"),
            cwd=planted.project,
            env=planted.env,
        )
        asked = json.dumps(server.requests)
        assert server.keys and set(server.keys) == {f"Bearer {key}"}
    assert done.returncode == 1, (done.stdout, done.stderr)
    run = planted.project / "run"
    files = {str(path.relative_to(run)): path.read_text("utf-8", "replace") for path in run.rglob("*") if path.is_file()}
    assert "trace.jsonl" in files and "report.md" in files
    private = {name: canary for name, canary in planted.canaries.items() if name != "shown"}
    for name, text in {**files, "the prompts": asked, "stdout": done.stdout, "stderr": done.stderr}.items():
        assert [secret for secret, canary in private.items() if canary in text] == [], name
    assert any("wrong_output" in text for text in files.values())
