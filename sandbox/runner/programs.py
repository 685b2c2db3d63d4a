"""Programs: files put into the sandbox's own /tmp, commands run there, and whole runs that are timed."""

import os
import resource
import signal
import sys

from . import wire


def home():
    """The sandbox's only writable place."""
    return os.environ.get("TMPDIR", "/tmp")


def fresh_folder():
    """As tempfile makes it, which takes longer to import than to do without."""
    path = os.path.join(home(), "codeopt-" + os.urandom(8).hex())
    os.mkdir(path, 0o700)
    return path


def put(message):
    """Write a file; replies with its path."""
    folder = fresh_folder()
    path = os.path.join(folder, message["name"])
    with open(path, "wb") as file:
        file.write(message["data"])
    os.chmod(path, message["mode"])
    return {"path": path}


def run(message, cap):
    """Run commands one after another in a fresh folder that holds `files`; read back `outputs`.

    Stops at the first command that fails. Each command's stdout and stderr are cut to their last 64 KiB.
    """
    import subprocess  # only builds and profilers need it

    folder = fresh_folder()
    for name, data in message["files"].items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        if data[:4] == b"\x7fELF" or data[:2] == b"#!":
            os.chmod(path, 0o755)
    results = []
    for argv in message["commands"]:
        argv = [part.replace("{folder}", folder) for part in argv]
        try:
            done = subprocess.run(
                argv,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=message["seconds"],
                env=dict(os.environ, **message.get("env", {})),
            )
            results.append(
                {"exit": done.returncode, "stdout": done.stdout[-cap:], "stderr": done.stderr[-65536:]}
            )
        except subprocess.TimeoutExpired:
            results.append({"exit": -1, "stdout": b"", "stderr": b"timed out"})
        except OSError as error:
            results.append({"exit": 127, "stdout": b"", "stderr": str(error).encode()})
        if results[-1]["exit"] != 0:
            break
    outputs = {}
    for name in message["outputs"]:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as file:
                outputs[name] = file.read(cap)
    return {"results": results, "outputs": outputs, "folder": folder}


def sample(sock, message, cap):
    """One timed run of a program, from GO until its output is read back after its exit."""
    stdin = memory_file("stdin", message["stdin"])
    out, err = os.memfd_create("stdout"), os.memfd_create("stderr")
    environment = dict(os.environ, **message.get("env", {}))
    # The size of the environment moves the stack and with it a program's speed; it is drawn anew for each run.
    environment["CODEOPT_PAD"] = "x" * message.get("pad", 0)
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            os.dup2(stdin, 0)
            os.dup2(out, 1)
            os.dup2(err, 2)
            resource.setrlimit(resource.RLIMIT_FSIZE, (cap, cap))
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            if message.get("cwd"):
                os.chdir(message["cwd"])
            wire.send(sock, {"ready": True})
            wire.receive_exactly(sock, 1)
            os.execve(message["argv"][0], message["argv"], environment)
        except BaseException as error:
            os.write(2, str(error).encode())
        finally:
            os._exit(127)
    # Not reaped yet: the parent reads the CPU clock of the zombie.
    info = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    exited = info.si_code == os.CLD_EXITED
    wire.send(
        sock,
        {
            "answer": read_back(out, cap),
            "failed": "",
            "exit": info.si_status if exited else -1,
            "signal": 0 if exited else info.si_status,
            "stderr": read_back(err, cap)[-8192:],
        },
    )
    wire.receive_exactly(sock, 1)
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # nothing of its group is left
    usage = os.wait4(pid, 0)[2]
    for descriptor in (stdin, out, err):
        os.close(descriptor)
    sys.stderr.flush()
    wire.send(sock, {"end": 0, "signal": 0, "max_rss_kb": usage.ru_maxrss})


def memory_file(name, data):
    descriptor = os.memfd_create(name)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def read_back(descriptor, cap):
    return os.pread(descriptor, min(os.fstat(descriptor).st_size, cap), 0)
