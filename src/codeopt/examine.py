"""What `codeopt doctor` finds out: each check tries the thing, within a time of its own, and says what mends it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import codeopt
from codeopt.errors import UserError

A_A_S = 10.0
NOISY = 0.05  # half width of an interval: a gain has to be 5 % to be accepted
PROBE = """#include <cstdio>
int main() {
    unsigned long long x = 1;
    for (long i = 0; i < 30000000L; i++) x = x * 6364136223846793005ULL + 1442695040888963407ULL;
    std::printf("%d\\n", x != 0);
}
"""
_INSTALLERS = {
    "apt-get": "apt-get install -y", "dnf": "dnf install -y", "zypper": "zypper install -y", "pacman": "pacman -S", "apk": "apk add",
}  # fmt: skip
_PACKAGES = {
    "g++": {"dnf": "gcc-c++", "zypper": "gcc-c++", "pacman": "gcc"},
    "clang++": {"": "clang"},
    "perf": {"apt-get": "linux-perf"},
    "bwrap": {"": "bubblewrap"},
}
_REQUIREMENT = re.compile(r"([\w.-]+)\s*(?:\[([\w,.\s-]+)\])?\s*\(?(?:>=\s*([\d.]+))?")
_EXTRA = re.compile(r"extra\s*==\s*[\"']([\w.-]+)[\"']")


class State(StrEnum):
    """What became of a check."""

    OK = "ok"
    MISSING = "missing"
    FAILS = "fails"


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        name: Of what was tried.
        state: It works, it is not there, or it is there and does not work.
        detail: Versions and figures, or what is wrong, in one line.
        mend: What to do about it, "" where it works.
        needed: `codeopt optimize` cannot work without it.
        figures: What was measured, as plain data.
        seconds: How long it took.
    """

    name: str
    state: State
    detail: str
    mend: str = ""
    needed: bool = False
    figures: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Check:
    """Something to try.

    Attributes:
        name: What is named where it does not come back.
        run: Tries it.
        limit_s: Seconds after which nobody waits for it.
        mend: What to do where it raises or does not come back.
        needed: `codeopt optimize` cannot work without the finding of that name.
    """

    name: str
    run: Callable[[], Finding | list[Finding]]
    limit_s: float
    mend: str
    needed: bool = False


def examine(checks: Sequence[Check]) -> Iterator[Finding]:
    """The findings of checks, one check at a time: some measure, and others would be in their way.

    What a check raises is a finding; one that does not come back is left behind in its thread.
    """
    from codeopt.trace import scrub, secrets_of

    secrets = secrets_of(os.environ)
    for check in checks:
        for found in _tried(check):
            yield replace(found, detail=scrub(" ".join(found.detail.split()), secrets), mend=scrub(found.mend, secrets))


def _tried(check: Check) -> list[Finding]:
    found: list[Finding] = []

    def work() -> None:
        try:
            answer = check.run()
            found.extend(answer if isinstance(answer, list) else [answer])
        except UserError as error:
            found.append(Finding(check.name, State.FAILS, error.message, error.hint or check.mend))
        except BaseException as error:  # the machine may be broken in any way: that is what a person wants to hear
            found.append(Finding(check.name, State.FAILS, f"{type(error).__name__}: {error}", check.mend))

    started = time.monotonic()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(check.limit_s)
    took = time.monotonic() - started
    done = list(found) or [Finding(check.name, State.FAILS, f"no answer within {check.limit_s:g} s", check.mend)]
    return [replace(one, needed=check.needed and one.name == check.name, seconds=round(took / len(done), 3)) for one in done]


def checks(quick: bool) -> list[Check]:
    """All checks in order; `quick` leaves the program against itself out."""
    again = "run it again when less runs beside it"
    listed = [
        Check("codeopt", _codeopt, 10, f"{_python()} -m pip install --force-reinstall codeopt", needed=True),
        Check("folder", _folder, 10, "cd to a folder that can be written, or name one with --run", needed=True),
        Check("docker", lambda: _sandbox("docker"), 30, "sudo systemctl restart docker"),
        Check("bubblewrap", lambda: _sandbox("bubblewrap"), 30, install("bwrap")),
        Check("session", _session, 60, "codeopt sandbox check", needed=True),
        Check("g++", lambda: _compiler("g++"), 20, install("g++")),
        Check("clang++", lambda: _compiler("clang++"), 20, install("clang++")),
        Check("perf", lambda: _profiler("perf", "perf"), 30, install("perf")),
        Check("valgrind", lambda: _profiler("valgrind", "callgrind"), 30, install("valgrind")),
        Check("git", _git, 10, install("git")),
        Check("gpu", _gpu, 400, "nvidia-smi shows what the driver says"),
        Check("model server", _server, 25, "codeopt models check MODEL --base-url URL"),
        Check("local models", _models, 20, "codeopt models list"),
        Check("data", _data, 60, "docs/suites.md says what lies where"),
        Check("extras", _extras, 10, f"{_python()} -m pip install --force-reinstall codeopt"),
    ]
    return listed if quick else [*listed, Check("noise", _noise, A_A_S + 60, again)]


def install(tool: str) -> str:
    """The command that installs a tool with this system's package manager."""
    manager = next((name for name in _INSTALLERS if shutil.which(name)), "")
    names = _PACKAGES.get(tool, {})
    package = names.get(manager) or names.get("") or tool
    if tool == "perf" and _distribution() == "ubuntu":
        package = f"linux-tools-generic linux-tools-{platform.release()}"
    if not manager:
        return f"install {package} with the system's package manager"
    return f"{'' if os.getuid() == 0 else 'sudo '}{_INSTALLERS[manager]} {package}"


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("ID", "")
    except OSError:
        return ""


def _python() -> str:
    return shlex.quote(sys.executable)


def pip(extra: str = "") -> str:
    """The command that installs codeopt, with an extra."""
    what = f"'codeopt[{extra}]'" if extra else "codeopt"
    if importlib.util.find_spec("pip") is None and shutil.which("uv"):
        return f"uv pip install --python {_python()} {what}"
    return f"{_python()} -m pip install {what}"


# --- codeopt itself -----------------------------------------------------------------------------------------


def _codeopt() -> Finding:
    wrong = _lacking("")
    where = f"{codeopt.__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}"
    if wrong:
        return Finding("codeopt", State.MISSING, f"{where}; not installed: {', '.join(wrong)}", pip())
    return Finding("codeopt", State.OK, where)


def _lacking(extra: str) -> list[str]:
    """What of the requirements (of an extra) is not installed, or is too old. Nothing is imported."""
    wrong = []
    for line in importlib.metadata.requires("codeopt") or []:
        what, _, condition = line.partition(";")
        of = _EXTRA.search(condition)
        found = _REQUIREMENT.match(what)
        if (of[1] if of else "") != extra or found is None:
            continue
        name, extras, least = found[1], found[2] or "", found[3] or ""
        if name.lower() == "codeopt":
            wrong += [lack for part in extras.split(",") for lack in _lacking(part.strip())]
            continue
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(name)
            continue
        if _numbers(version) < _numbers(least):
            wrong.append(f"{name} >= {least} (it is {version})")
    return wrong


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def _extras() -> list[Finding]:
    provided = importlib.metadata.metadata("codeopt").get_all("Provides-Extra") or []
    found = []
    for extra in provided:
        wrong = _lacking(extra)
        if wrong:
            found.append(Finding(f"[{extra}]", State.MISSING, f"not installed: {', '.join(wrong)}", pip(extra)))
        else:
            found.append(Finding(f"[{extra}]", State.OK, "installed"))
    return found


def _folder() -> Finding:
    runs = Path(".codeopt", "runs")
    place = next(folder for folder in (runs, runs.parent, Path.cwd()) if folder.exists())
    with tempfile.NamedTemporaryFile(dir=place, prefix=".codeopt-"):
        free = shutil.disk_usage(place).free / 2**30
    if free < 0.2:
        return Finding("folder", State.FAILS, f"{free * 1024:.0f} MiB free for {runs}", "codeopt runs prune --keep 5")
    return Finding("folder", State.OK, f"{runs} can be written here, {free:.0f} GiB free", figures={"free_gib": round(free, 1)})


# --- where candidates run ------------------------------------------------------------------------------------


def _sandbox(kind: str) -> Finding:
    from codeopt.sandbox.check import check

    row = check(kind)
    if row.error is not None:
        state = State.MISSING if "not installed" in row.error.message else State.FAILS
        mend = install("bwrap") if kind == "bubblewrap" and state is State.MISSING else row.error.hint
        return Finding(kind, state, row.error.message, mend)
    assert row.probe is not None
    if not row.probe.isolates:
        return Finding(kind, State.FAILS, "it starts programs, and does not isolate them", "codeopt sandbox check says what is open")
    return Finding(kind, State.OK, row.note)


def _session() -> list[Finding]:
    """Of the kind of sandbox that --sandbox auto takes for rules."""
    from codeopt.sandbox.choose import choose
    from codeopt.sandbox.noise import clocks

    sandbox = choose("auto", trusted=True)
    try:
        found = clocks(sandbox)
    finally:
        sandbox.close()
    figures = {"sandbox": sandbox.name, "floor_cpu_s": found.cpu_s, "floor_wall_s": found.wall_s, "whole": found.whole}
    floors = f"a call that does nothing takes {found.cpu_s * 1e3:.2f} ms of CPU time, {found.wall_s * 1e3:.2f} ms by the wall-clock"
    answers = Finding("session", State.OK, f"a program runs in {sandbox.name} and answers rightly", figures={"sandbox": sandbox.name})
    if not found.whole:
        mend = "use Docker, or run as root: child processes are timed by the wall-clock until then"
        return [answers, Finding("clocks", State.FAILS, f"{floors}; there is no cgroup to count whole sessions", mend, figures=figures)]
    return [answers, Finding("clocks", State.OK, f"{floors}; whole sessions are counted", figures=figures)]


def _noise() -> Finding:
    from codeopt.sandbox.choose import choose
    from codeopt.sandbox.noise import noise

    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    sandbox = choose("auto", trusted=True)
    try:
        found = noise(sandbox, A_A_S)
    finally:
        sandbox.close()
    told = (
        f"a program against itself, {found.verdicts} times {found.pairs} pairs: {found.held} of {found.verdicts} intervals hold 1, "
        f"they reach {found.half_width:.1%} to each side; single timings vary by {found.variation:.1%} ({found.clock} time)"
    )
    if found.half_width <= NOISY:
        return Finding("noise", State.OK, told, figures=vars(found))
    governor = _governor()
    if load < cores / 2 and governor not in ("", "performance"):
        mend = "sudo cpupower frequency-set --governor performance"
    else:
        mend = f"end what else runs (load {load:.1f} on {cores} cores): only large gains show"
    return Finding("noise", State.FAILS, told, mend, figures=vars(found))


def _governor() -> str:
    file = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return file.read_text().strip() if file.is_file() else ""


# --- tools ---------------------------------------------------------------------------------------------------


def said(*command: str | Path, seconds: float = 15) -> str:
    """What a tool prints. Raises UserError where it fails; its limit ends it, so that nothing stays behind."""
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise UserError(f"{command[0]} did not end within {seconds:g} s") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise UserError(f"{Path(command[0]).name} ends with {done.returncode} ({lines[-1][:200] if lines else 'it says nothing'})")
    return done.stdout


def _built(compiler: str, folder: Path) -> Path:
    source, program = folder / "program.cpp", folder / "program"
    source.write_text(PROBE, "utf-8")
    said(compiler, "-O2", "-g", "-std=c++17", source, "-o", program)
    return program


def _compiler(name: str) -> Finding:
    path = shutil.which(name)
    if path is None:
        other = next((one for one in ("g++", "clang++") if shutil.which(one)), "")
        what = f"{other} serves" if other else "C++ and C programs cannot be built"
        return Finding(name, State.MISSING, f"not on PATH: {what}", install(name))
    with tempfile.TemporaryDirectory(prefix="codeopt-doctor-") as folder:
        program = _built(path, Path(folder))
        if said(program) != "1\n":
            return Finding(name, State.FAILS, f"what {path} builds prints something else", install(name))
    version = said(path, "-dumpfullversion" if name == "g++" else "-dumpversion").strip()
    return Finding(name, State.OK, f"{version}, builds and runs a program", figures={"version": version})


def _profiler(tool: str, profiler: str) -> Finding:
    """A profile of a program made inside the sandbox that runs would take."""
    from codeopt.sandbox.choose import choose
    from codeopt.sandbox.noise import profiles

    if shutil.which(tool) is None:
        other = next((one for one in ("perf", "valgrind") if shutil.which(one)), "")
        what = f"{other} serves" if other else "C++ and C programs are not profiled"
        return Finding(tool, State.MISSING, f"not on PATH: {what}", install(tool))
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return Finding(tool, State.FAILS, "no compiler to build something to profile", install("g++"))
    sandbox = choose("auto", trusted=True)
    try:
        with tempfile.TemporaryDirectory(prefix="codeopt-doctor-") as folder:
            rows = profiles(sandbox, profiler, _built(compiler, Path(folder)).read_bytes())
    except UserError as error:
        return Finding(tool, State.FAILS, error.message, _profiler_mend(tool))
    finally:
        sandbox.close()
    return Finding(tool, State.OK, f"profiles a program in {sandbox.name} ({rows} rows)")


def _profiler_mend(tool: str) -> str:
    paranoid = Path("/proc/sys/kernel/perf_event_paranoid")
    if tool == "perf" and paranoid.is_file() and int(paranoid.read_text()) > 2:
        return "sudo sysctl kernel.perf_event_paranoid=2"
    other = "valgrind" if tool == "perf" else "perf"
    return f"{other} serves where it works: {install(other)}" if shutil.which(other) is None else f"none needed where {other} works"


def _git() -> Finding:
    if shutil.which("git") is None:
        return Finding("git", State.MISSING, "not on PATH: no REVISION:FILE, no --git", install("git"))
    return Finding("git", State.OK, said("git", "--version").strip().removeprefix("git version "))


def _gpu() -> list[Finding]:
    from codeopt import examine_gpu

    return examine_gpu.found()


# --- models and data -----------------------------------------------------------------------------------------


def _server() -> Finding:
    """Asked only where its address is set: a key alone sends nothing anywhere."""
    from codeopt.agent.models.asker import client_of
    from codeopt.agent.models.endpoint import find_endpoint

    key = "OPENAI_API_KEY is set" if os.environ.get("OPENAI_API_KEY", "").strip() else "no OPENAI_API_KEY"
    if not os.environ.get("OPENAI_BASE_URL"):
        state = State.OK if key.endswith("set") else State.MISSING
        mend = "" if state is State.OK else "export OPENAI_BASE_URL=http://127.0.0.1:8080/v1, or export OPENAI_API_KEY=..."
        return Finding("model server", state, f"no OPENAI_BASE_URL, {key}{'; nobody was asked' if state is State.OK else ''}", mend)
    endpoint = find_endpoint()
    served = client_of(endpoint, lambda line: None, {}).check()
    return Finding("model server", State.OK, f"{endpoint.host} answers with {len(served)} models; {key}", figures={"models": served})


def _models() -> Finding:
    from codeopt.agent.models import hub, local

    folder = hub.models_folder()
    found = [*(local.in_folder(folder) if folder.is_dir() else ()), *local.in_hub_cache()]
    if not found:
        return Finding("local models", State.MISSING, f"none in {folder} or the hub's cache", "codeopt models pull ORG/NAME")
    return Finding("local models", State.OK, f"{len(found)}, listed by codeopt models list", figures={"models": [one.model for one in found]})


def _data() -> Finding:
    from codeopt.evals import suites

    root = os.environ.get("CODEOPT_DATA", "")
    mend = "export CODEOPT_DATA=DIR: docs/suites.md says what lies in it"
    if not root:
        return Finding("data", State.MISSING, "CODEOPT_DATA is not set: suites with data take --data, ENAMEL's comes from the hub", mend)
    if not Path(root).is_dir():
        return Finding("data", State.FAILS, f"CODEOPT_DATA={root} is no folder", mend)
    counts, lacking = dict[str, int](), dict[str, str]()
    for name in suites.names():
        try:
            counts[name] = len(suites.find(name, Path(root)).problems)
        except UserError as error:
            lacking[name] = error.message
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    told += f"; not there: {', '.join(lacking)}" if lacking else ""
    return Finding("data", State.OK, told, figures={"problems": counts, "lacking": lacking})
