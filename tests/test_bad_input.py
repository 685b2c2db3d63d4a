"""Bad input of every kind: one clear line that says what to do, the right exit code, and nothing lost."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from commandline import FAST_DEDUPE, MAKE, SLOW_DEDUPE, codeopt, command, environment, put, refused
from servers import Step, closed_port, serve

ROOT = Path(__file__).resolve().parents[1]
RUN = ("--sandbox", "process", "--no-crosshair", "--quiet", "--time", "120")
CPP = "#include <cstdio>\nint main() { printf(\"1\\n\"); }\n"


def optimize(folder: Path, *args: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return codeopt("optimize", *args, *RUN, cwd=folder, env=env)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, dedupe=SLOW_DEDUPE, fast=FAST_DEDUPE, make=MAKE, script="import sys\nprint(len(sys.stdin.read()))\n")
    return tmp_path


# --- the command line -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ("optimize", "no file given.*codeopt optimize FILE"),
        ("optimize --", "no file given|no command after --"),
        ("optimize nosuch.py", "no such file: nosuch.py: check the path"),
        ("optimize dedup.py", "no such file: dedup.py: did you mean dedupe.py"),
        ("optimize .", "is a folder: name a file in it"),
        ("optimize dedupe.py fast.py", "one file at a time, not fast.py too"),
        ("optimize dedupe.py --nosuch", "[Nn]o such option.*--nosuch.*--help"),
        ("optimize dedupe.py --time soon", "--time.*number.*--help"),
        ("optimize dedupe.py --time 0", "--time.*1.*--help"),
        ("optimize dedupe.py --sandbox vm", "no sandbox 'vm': one of.*bubblewrap"),
        ("optimize dedupe.py --function dedup", "no function 'dedup' in .*did you mean dedupe"),
        ("optimize dedupe.py --args 'a", "--args .*quot"),
        ("optimize dedupe.py --tests nosuch", "no such tests: .*nosuch"),
        ("optimize script.py --stdin nosuch", "no such stdin file"),
        ("optimize script.py --cases nosuch", "no such cases folder: .*nosuch"),
        ("optimize script.py", "reads input and there is none: give it some: --cases"),
        ("optimize dedupe.py --stdin script.py", "does nothing when it is run: name a function"),
        ("optimize dedupe.py --codec nosuch.py", "no such codec file"),
        ("optimize dedupe.py --inputs make.py", "--inputs .*make.py: it has the form file.py:make"),
        ("optimize dedupe.py --inputs make.py:nosuch", "no function 'nosuch' in .*it has make"),
        ("optimize dedupe.py --inputs nosuch.py:make", "no such inputs file"),
        ("optimize dedupe.py --python /nonexistent", "no Python at /nonexistent"),
        ("optimize dedupe.py --proposer nosuch", "no proposer named 'nosuch': choose one of compile, llm, rules"),
        ("optimize dedupe.py --proposer llm", "needs a model: name it with --model"),
        ("optimize dedupe.py --proposer rules --model m", "--model m is not used"),
        ("optimize dedupe.py --interactive", "no model is named: start with --model NAME"),
        ("optimize --resume nosuch", "no such run: nosuch"),
        ("optimize --resume .", "no trace.jsonl here: give the folder of a run"),
        ("optimize -- nosuch", "no such program: nosuch"),
        ("optimize -- python nosuch.py", "no such file: nosuch.py"),
        ("optimize -- true", "not a Python script.*codeopt optimize FILE.cpp"),
        ("nosuch", "[Nn]o such command.*nosuch.*--help"),
        ("verify dedupe.py", "new.*--help"),
        ("verify nosuch.py dedupe.py", "no such file: nosuch.py"),
        ("verify dedupe.py nosuch.py", "no such file: nosuch.py"),
        ("verify dedupe.py .", "\\. is a folder|no such file"),
        ("verify dedupe.py:nosuch fast.py", "no function 'nosuch'"),
        ("verify dedupe.py fast.py --nosuch", "[Nn]o such option.*--nosuch"),
        ("verify HEAD:dedupe.py dedupe.py", "no dedupe.py in revision HEAD.*git"),
        ("verify dedupe.py fast.py --pairs 1", "--pairs.*10"),
        ("verify dedupe.py fast.py --as nosuch.py", "no such file: .*nosuch.py"),
        ("verify dedupe.py fast.py --sandbox vm", "no sandbox 'vm'"),
    ],
)
def test_words_that_cannot_be_meant(folder: Path, args: str, says: str) -> None:
    words = args.split() if "'" not in args else [word for word in args.split(" ") if word]
    env = {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    refused(codeopt(*words, cwd=folder, env=env), says)
    assert not (folder / ".codeopt").exists(), "a refused command leaves nothing behind"


# --- the file ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.py", b"", "a.py is empty"),
        ("a.py", b"\x7fELF\0\0", "a.py is a binary file"),
        ("a.py", b"x = 1\ny = '\xff'\n", r"a.py is not UTF-8 text \(line 2\)"),
        ("a.py", b"def f(:\n    pass\n", r"a.py:1: .*mend the file"),
        ("a.py", b"x = 1\n", "nothing to optimise in .*no public function"),
        ("a.py", b"def f(x): return x\ndef g(x): return x\n", "2 functions in a.py: choose one with --function: f, g"),
        ("a.py", b"async def f(x: int): return x\n", "nothing to optimise|async"),
        ("a.txt", b"hello\n", "no support for .txt: codeopt reads Python"),
        ("a.cpp", b"int f() { return 1; }\n", "a.cpp has no main function"),
        ("a.py", b"from nosuchmodule import x\ndef f(n: int): return n\n", "cannot be imported.*nosuchmodule"),
        ("a.py", b"raise SystemExit(3)\ndef f(n: int): return n\n", "cannot be imported"),
        ("a.py", b"import os\nos._exit(0)\ndef f(n: int): return n\n", "cannot be imported"),
        ("a.py", b"raise RuntimeError('not today')\n", "RuntimeError: not today|nothing to optimise"),
        ("a.py", b"print('x')\nraise RuntimeError('not today')\n", "ends with RuntimeError: not today"),
        ("a.py", b"print('x')\nimport sys\nsys.exit(3)\n", "ends with exit status 3"),
        ("a.py", b"print('x')\nwhile True: pass\n", "did not end within 1 s: .*--timeout"),
        ("a.py", b"import os\nprint(os.urandom(8))\n", "does not do the same twice.*fix its seed"),
        ("a.py", b"print('hello')\n", "too fast to be timed.*larger input|runs for|ends after"),
        (
            "a.py",
            b"import urllib.request as u\nprint(u.urlopen('http://nosuch.invalid').read())\n",
            "needs the network.*--stdin",
        ),
        ("a.py", b"import random\ndef f(n: int): return random.random()\n", "does not do the same twice"),
        ("a.py", b"def f(n: int):\n    while True: pass\n", "did not end within 1 s"),
        ("a.py", b"def f(n: int):\n    raise RuntimeError('broken')\n", "RuntimeError|ran on only"),
        ("a.py", b"def f(n: int):\n    return lambda: n\n", "cannot cross the sandbox.*--codec|encode"),
        (
            "a.py",
            b"import urllib.request as u\ndef f(n: int): return u.urlopen('http://nosuch.invalid').read()\n",
            "needs the network",
        ),
    ],
)
def test_files_that_cannot_be_optimised(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    sandbox = "process"
    if b"urllib" in content:  # a machine may take seconds to find that it has no network; a sandbox knows at once
        sandbox = "bubblewrap"
        if shutil.which("bwrap") is None:
            pytest.skip("needs bubblewrap, which takes the network away")
    timeout = "1" if sandbox == "process" else "5"
    done = codeopt("optimize", name, *RUN, "--sandbox", sandbox, "--timeout", timeout, cwd=tmp_path)
    refused(done, says)
    assert (tmp_path / name).read_bytes() == content


def test_a_function_of_microseconds_works_by_batches(tmp_path: Path) -> None:
    text = "def f(n: int) -> int:\n    total = 0\n    for i in range(3):\n        total += i * (n % 7)\n    return total\n"
    put(tmp_path, a=text)
    done = optimize(tmp_path, "a.py", "--max-candidates", "1", "--run", "run")
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    for _ in range(2):  # one in hundreds of identical pairs passes for faster
        done = codeopt("verify", "a.py", "a.py", "--sandbox", "process", "--no-crosshair", "--pairs", "10", cwd=tmp_path)
        if done.returncode == 1:
            break
    assert done.returncode == 1, done.stderr
    assert "not verifiably faster" in done.stdout and " for 1 call(s)" not in done.stdout


def test_tests_that_fail_on_the_baseline(folder: Path) -> None:
    put(folder, test_it="from dedupe import dedupe\ndef test_it():\n    assert dedupe([1, 1]) == [1, 1]\n")
    refused(optimize(folder, "dedupe.py", "--tests", "test_it.py"), "the tests fail on the program as it is")


def test_a_case_that_the_baseline_fails(folder: Path) -> None:
    (folder / "cases").mkdir()
    for name, text in (("1.in", "ab"), ("1.out", "3\n")):
        (folder / "cases" / name).write_text(text)
    refused(optimize(folder, "script.py"), "fails its own case 1.*mend")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return 1 / 0", "make.*division by zero"),
        ("return 7", "make.*returns the tuple of arguments"),
        ("return (1, 2, 3)", "make.*returns the tuple of arguments"),
        ("import os; os._exit(1)", "make"),
    ],
)
def test_a_generator_that_returns_rubbish(folder: Path, body: str, says: str) -> None:
    put(folder, make=f"def make(size, seed):\n    {body}\n")
    refused(optimize(folder, "dedupe.py", "--inputs", "make.py:make"), says)
    refused(optimize(folder, "script.py", "--inputs", "make.py:make"), "make")


def test_a_codec_file_that_does_not_load(folder: Path) -> None:
    put(folder, codec="import nosuchmodule\n")
    refused(optimize(folder, "dedupe.py", "--codec", "codec.py"), "codec.*nosuchmodule|nosuchmodule")


def test_a_settings_file_with_a_mistake(folder: Path) -> None:
    (folder / "codeopt.toml").write_text("functoin = 'f'\n")
    refused(optimize(folder, "dedupe.py"), "unknown key 'functoin': did you mean function")


# --- the machine ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "env", "says"),
    [
        ((), {"PATH": "/nonexistent", "CXX": ""}, r"no C\+\+ compiler.*apt install"),
        (("--compiler", "nosuch"), {}, "no compiler nosuch"),
        ((), {"CXX": "nosuch"}, "no compiler nosuch"),
    ],
)
def test_no_compiler(tmp_path: Path, args: tuple[str, ...], env: dict[str, str], says: str) -> None:
    (tmp_path / "a.cpp").write_text(CPP)
    refused(optimize(tmp_path, "a.cpp", *args, env=env), says)


@pytest.mark.skipif(not shutil.which("g++"), reason="g++ is not installed")
def test_a_program_that_does_not_compile(tmp_path: Path) -> None:
    (tmp_path / "a.cpp").write_text("int main() { return nosuch; }\n")
    refused(optimize(tmp_path, "a.cpp"), "does not build .*nosuch")


@pytest.mark.parametrize(
    ("kind", "host", "says"),
    [
        ("docker", "unix:///nonexistent", "Docker.*(/nonexistent).*"),
        ("docker", "tcp://127.0.0.1:{port}", "Docker.*127.0.0.1"),
        ("docker-image", "unix:///nonexistent", "Docker.*/nonexistent"),
    ],
)
def test_docker_is_absent_or_its_daemon_is_down(folder: Path, kind: str, host: str, says: str) -> None:
    env = {"DOCKER_HOST": host.format(port=closed_port())}
    refused(codeopt("optimize", "dedupe.py", "--sandbox", kind, "-q", cwd=folder, env=env), says)
    refused(codeopt("verify", "dedupe.py", "fast.py", "--sandbox", kind, cwd=folder, env=env), says)


def test_a_daemon_that_does_not_answer(folder: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(folder / "docker.sock"))
        silent.listen()
        env = {"DOCKER_HOST": f"unix://{folder}/docker.sock"}
        refused(codeopt("optimize", "dedupe.py", "--sandbox", "docker", "-q", cwd=folder, env=env), "Docker")


def test_no_venv_module(tmp_path: Path) -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    fake = tmp_path / "bin"
    fake.mkdir()
    for name in ("python3.14", "python3.13", "python3.12", "python3.11", "python3", "python"):
        (fake / name).write_text('#!/bin/sh\ncase "$*" in *ensurepip*) exit 1;; esac\nexit 0\n')
        (fake / name).chmod(0o755)
    done = subprocess.run(
        [make, "-C", str(ROOT), "demo", f"VENV={tmp_path / 'venv'}"],
        env=environment(PATH=f"{fake}:{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and "has no venv module: apt install python3-venv" in done.stderr
    assert not (tmp_path / "venv").exists() and "Traceback" not in done.stderr


# --- the disk ---------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place]).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


INPUTS = ("--inputs", "make.py:make", "--max-candidates", "1")


def test_a_disk_that_is_full(folder: Path, small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(40 << 10))
    refused(optimize(folder, "dedupe.py", *INPUTS, "--run", "disk/run"), "(cannot write|No space).*free")
    (small_disk / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    done = optimize(folder, "--resume", "disk/run")
    assert done.returncode == 0, done.stderr


def test_a_file_that_may_not_grow(folder: Path) -> None:
    for limit in (100, 1500, 6000):
        run = folder / f"run{limit}"
        done = subprocess.run(
            command("optimize", "dedupe.py", *INPUTS, *RUN, "--run", run),
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY)),
        )
        refused(done, "cannot write|too large")
        started = b"\n" in (run / "trace.jsonl").read_bytes()
        done = optimize(folder, *(("--resume", run) if started else ("dedupe.py", *INPUTS, "--run", run)))
        assert done.returncode == 0, done.stderr


def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    if os.getuid():
        folder.chmod(0o555)
    elif subprocess.run(["mount", "--bind", "-o", "ro", folder, folder]).returncode:
        pytest.skip("a read-only folder cannot be made here")
    try:
        refused(optimize(folder, "dedupe.py"), "cannot write to .*.codeopt.*--run")
    finally:
        if os.getuid():
            folder.chmod(0o755)
        else:
            subprocess.run(["umount", "-l", folder], check=True)


def test_a_run_that_is_there_already(folder: Path) -> None:
    (folder / "run").mkdir()
    (folder / "run" / "trace.jsonl").write_text('{"event": "nosuch", "t": 0, "seq": 0}\n')
    refused(optimize(folder, "dedupe.py", "--run", "run"), "already holds a run.*--resume")
    refused(optimize(folder, "--resume", "run"), "damaged")


# --- the model --------------------------------------------------------------------------------------------


def ask(folder: Path, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    model = ("--proposer", "llm", "--strategy", "refine", "--model", "m", "--base-url", url, "--max-dollars", "1", *more)
    env = {"OPENAI_API_KEY": "sk-test-0123456789"}
    return optimize(folder, "dedupe.py", "--inputs", "make.py:make", *model, env=env)


def test_a_model_server_that_is_not_there(folder: Path) -> None:
    refused(ask(folder, f"http://127.0.0.1:{closed_port()}/v1"), "cannot be reached.*--base-url")


def test_a_model_server_that_refuses_the_key(folder: Path) -> None:
    with serve(Step(status=401, error="bad key sk-test-0123456789")) as server:
        done = ask(folder, server.url)
    refused(done, "401.*OPENAI_API_KEY")
    assert "sk-test" not in done.stderr


def test_a_model_that_answers_nonsense(folder: Path) -> None:
    with serve(Step("I like trains.")) as server:
        done = ask(folder, server.url)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "no verified speedup" in done.stdout and "useless answers" in done.stdout + done.stderr


def test_a_server_that_speaks_something_else(folder: Path) -> None:
    with serve(Step(raw=b"<html>hello</html>")) as server:
        refused(ask(folder, server.url), "does not speak the chat completions protocol")


def test_a_server_that_breaks_in_the_middle_costs_nothing_that_was_won(folder: Path) -> None:
    good = f"A dict keeps order.\n```python\n{FAST_DEDUPE}```\n"
    with serve(Step(good), Step(status=403, error="no more")) as server:
        done = ask(folder, server.url, "--run", "run")
    assert done.returncode == 0 and "faster" in done.stdout, (done.stdout, done.stderr)
