"""Faults of the machine in the middle of a run: its Docker engine is restarted or stops, its disk fills."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codeopt.errors import UserError
from codeopt.sandbox.protocol import Sandbox
from codeopt.trace import (
    CandidateMade,
    Event,
    Phase,
    Resumed,
    RunFinished,
    VerdictReached,
    read_trace,
)
from codeopt.types import Status
from tests.commandline import FAST_DEDUPE, MAKE, SLOW_DEDUPE, codeopt, command, environment, put
from tests.sandbox.attacks import get, heard, start

pytestmark = pytest.mark.alone

START = ("optimize", "dedupe.py", "--inputs", "make.py:make", "--no-crosshair", "--quiet", "--run", "run")


class Daemon:
    """A Docker daemon of the test's own, apart from the machine's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = f"unix://{folder}/s"
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        words = ["dockerd", "--host", self.host, "--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec"]
        words += ["--pidfile", f"{self.folder}/pid", "--bridge", "none", "--iptables=false", "--ip6tables=false"]
        # A killed daemon leaves the cgroups of its containers: below one of its own they can be found.
        words += ["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{self.folder.name}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + 40
        while time.monotonic() < until and self._process.poll() is None:
            asked = subprocess.run(["docker", "--host", self.host, "info"], capture_output=True)
            if asked.returncode == 0:
                return
            time.sleep(0.1)
        said = (self.folder / "log").read_text()[-300:]
        self.end()
        pytest.skip(f"a second Docker daemon does not start here: {said}")

    def end(self, number: int = signal.SIGTERM) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(60)
        if number == signal.SIGKILL:
            # Its containerd died with it; where process 1 does not reap, the new daemon would believe in a zombie.
            (self.folder / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)

    def containers(self) -> list[str]:
        words = ["docker", "--host", self.host, "ps", "--all", "--quiet"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()

    def clean(self) -> None:
        """End it and what a killed one left: its own containerd, its mounts, its cgroups."""
        if self._process is not None and self._process.poll() is None:
            self.end()
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if f"{self.folder}/exec" in entry.read_bytes().decode(errors="replace"):
                    os.kill(int(entry.parent.name), signal.SIGKILL)
        for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
            if line.split()[4].startswith(str(self.folder)):
                subprocess.run(["umount", "--lazy", line.split()[4]], check=False)
        for top in [*Path("/sys/fs/cgroup").glob(f"*/{self.folder.name}"), Path("/sys/fs/cgroup", self.folder.name)]:
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    if os.getuid() != 0 or not all(map(shutil.which, ("dockerd", "docker", "containerd"))):
        pytest.skip("needs root and dockerd: the daemon that is restarted is the test's own")
    # Not pytest's folder: a socket's path may have 107 bytes only.
    folder = Path(tempfile.mkdtemp(prefix="dockerd-"))
    made = Daemon(folder)
    try:
        made.begin()
        yield made
    finally:
        made.clean()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, dedupe=SLOW_DEDUPE, make=MAKE)
    return tmp_path


def events(folder: Path) -> list[Event]:
    return list(read_trace(folder / "run")) if (folder / "run" / "trace.jsonl").is_file() else []


def started(folder: Path, host: str, when: Callable[[Event], bool]) -> subprocess.Popen[str]:
    """A run under that engine, as soon as its trace holds such an event."""
    words = command(*START, "--sandbox", "docker")
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, cwd=folder, env=environment(DOCKER_HOST=host), stdout=pipe, stderr=pipe, text=True)
    until = time.monotonic() + 60
    while not any(map(when, events(folder))):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    return process


def no_candidate_is_blamed(trace: list[Event]) -> None:
    judged = [event for event in trace if isinstance(event, VerdictReached)]
    assert judged and all(event.verdict.status is not Status.CRASHED for event in judged)
    assert not any("failed while it was timed" in event.verdict.evidence for event in judged)


def verified(folder: Path) -> None:
    result = json.loads((folder / "run" / "result.json").read_text())
    assert result["verified"] and result["measurement"]["speedup"] > 1.5
    assert (folder / "dedupe.py").read_text() == SLOW_DEDUPE


def search_began(event: Event) -> bool:
    return isinstance(event, CandidateMade)


def inputs_began(event: Event) -> bool:
    return isinstance(event, Phase) and event.phase == "baseline"


def test_a_program_that_dies_is_not_the_engines_fault(sandboxes: dict[str, Sandbox | UserError]) -> None:
    sandbox = get("docker", sandboxes)
    for _ in range(2):
        channel = start(sandbox, "say(1)\nos.kill(os.getpid(), 9)")
        assert heard(channel)[0][0] == 1 and channel.sock.recv(1) == b""
        assert channel.stderr_tail() == "" and not channel.out_of_memory()
        channel.kill()


@pytest.mark.parametrize(
    ("number", "when", "resumed"),
    [
        (signal.SIGTERM, search_began, {1}),
        (signal.SIGKILL, search_began, {1}),
        # Before the first session it is enough to wait for the engine.
        (signal.SIGTERM, inputs_began, {0, 1}),
    ],
)
def test_the_docker_daemon_is_restarted(
    folder: Path, daemon: Daemon, number: int, when: Callable[[Event], bool], resumed: set[int]
) -> None:
    process = started(folder, daemon.host, when)
    daemon.end(number)
    daemon.begin()
    out, err = process.communicate(timeout=120)
    trace = events(folder)
    assert process.returncode == 0, (out, err)
    assert sum(isinstance(event, Resumed) for event in trace) in resumed
    no_candidate_is_blamed(trace)
    verified(folder)
    assert daemon.containers() == []


def test_the_docker_daemon_stops_and_stays_away(folder: Path, daemon: Daemon) -> None:
    process = started(folder, daemon.host, search_began)
    daemon.end()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2 and len(err.splitlines()) == 1, err
    assert err.startswith("codeopt: the Docker engine stopped in the middle of the run") and "start it" in err
    before = events(folder)
    assert isinstance(before[-1], RunFinished) and before[-1].exit_code == 2
    daemon.begin()
    done = codeopt("optimize", "--resume", "run", "--quiet", cwd=folder, env={"DOCKER_HOST": daemon.host})
    assert done.returncode == 0, done.stderr
    trace = events(folder)
    assert trace[: len(before)] == before
    no_candidate_is_blamed(trace)
    verified(folder)
    assert daemon.containers() == []


def test_the_docker_daemon_is_restarted_while_samples_are_scored(folder: Path, daemon: Daemon) -> None:
    place = folder / "tasks" / "dedupe"
    place.mkdir(parents=True)
    put(place, dedupe=SLOW_DEDUPE, make=MAKE)
    (place / "codeopt.toml").write_text('project = "."\ninputs = "make.py:make"\n')
    row = json.dumps({"task_id": "dedupe", "solution": FAST_DEDUPE})
    (folder / "samples.jsonl").write_text(f"{row}\n" * 3)
    words = command("eval", "score", "tasks", "--samples-from", "samples.jsonl", "--sandbox", "docker", "--out", "out")
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, cwd=folder, env=environment(DOCKER_HOST=daemon.host), stdout=pipe, stderr=pipe, text=True)
    kept, until = folder / "out" / "rows.jsonl", time.monotonic() + 120
    while not (kept.is_file() and kept.read_text()):
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        time.sleep(0.02)
    daemon.end()
    daemon.begin()
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, (out, err)
    rows = list(map(json.loads, kept.read_text().splitlines()))
    assert [(row["sample"], row["verified"]) for row in rows] == [(0, True), (1, True), (2, True)], (rows, err)
    assert daemon.containers() == []


# --- the disk ---------------------------------------------------------------------------------------------


@pytest.fixture
def disk(folder: Path) -> Iterator[Path]:
    """A file system of 1 MiB in the folder."""
    place = folder / "disk"
    place.mkdir()
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place]).returncode:
        pytest.skip("a small file system cannot be mounted here")
    (folder / "run").symlink_to(place / "run")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path) -> None:
    with (place / "ballast").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            continue


@pytest.mark.parametrize("phase", ["profile", "search", "holdout"])
def test_the_disk_fills_in_the_middle(folder: Path, disk: Path, phase: str) -> None:
    words = command(*START[:-1], "disk/run", "--sandbox", "process")
    with subprocess.Popen(words, cwd=folder, env=environment(), stdout=-3, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while not any(isinstance(event, Phase) and event.phase == phase for event in events(folder)):
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.005)
        fill(disk)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert len(err.splitlines()) == 1 and "No space left" in err and "free the disk" in err
    before = events(folder)
    assert any(isinstance(event, Phase) and event.phase == phase for event in before)
    (disk / "ballast").unlink()
    done = codeopt("optimize", "--resume", "disk/run", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    trace = events(folder)
    assert trace[: len(before)] == before
    judged = [event.candidate for event in trace if isinstance(event, VerdictReached) and not event.verdict.holdout]
    assert len(set(judged)) == len(judged)
    verified(folder)
