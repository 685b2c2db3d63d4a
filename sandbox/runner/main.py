"""The server inside the sandbox: loads one program and samples it, one fork a sample.

It decides nothing. The parent starts and stops the clock, compares the answers and reads the CPU time of the
sample's process (whose pid the kernel attaches to the READY frame). After READY the child waits for one byte, GO;
the time from GO to the last byte of the encoded answer is the sample. Then one more byte: BYE, or EXTRAS to ask
for the arguments after the call and what was printed. A child does the same work whatever it will be asked.

Does not protect against: a candidate that forges frames. It could only forge answers, and those are compared as
data by the parent with answers that never enter the sandbox.
"""

import ctypes
import functools
import gc
import importlib
import os
import resource
import signal
import sys

from . import codec, copies, lazy, load, programs, scatter, seal, wire

GO, BYE, EXTRAS = b"G", b"B", b"X"
OFTEN, SELDOM = 64, 32
PR_SET_DUMPABLE = 4
CO_COROUTINE = 128
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
HEAP = 4 << 20
LIBC = ctypes.CDLL(None, use_errno=True)


def idle(*arguments, **named):
    """What is called to see what a region costs that does nothing."""


def set_dumpable(value):
    LIBC.prctl(PR_SET_DUMPABLE, value, 0, 0, 0)


def keep_memory():
    """What is freed stays with the process, and a few megabytes are there from the start, as in a program that has run for a while."""
    if hasattr(LIBC, "mallopt"):  # glibc's
        LIBC.mallopt(M_MMAP_THRESHOLD, 32 << 20)
        LIBC.mallopt(M_TRIM_THRESHOLD, 1 << 30)
    b"\1" * HEAP  # touched, and freed


def is_coroutine_function(function):
    """As the inspect module says it, which takes longer to import than the rest of the runner."""
    while isinstance(function, functools.partial) or hasattr(function, "__func__"):
        function = function.func if isinstance(function, functools.partial) else function.__func__
    return bool(getattr(getattr(function, "__code__", None), "co_flags", 0) & CO_COROUTINE)


def describe(error):
    """Type, message and the innermost own lines of an exception, short enough for a prompt."""
    import traceback  # with what it brings it takes as long to import as the interpreter to start

    lines = traceback.format_exception(type(error), error, error.__traceback__)
    kept = [line for line in lines if "_codeopt_runner" not in line and "/runner/" not in line]
    return "".join(kept)[-2000:]


class Server:
    def __init__(self, sock):
        self.sock = sock
        self.context = load.Context(codec)
        self.output_cap = 64 << 20
        self.persistent = False
        self.asynchronous = False
        self.fork = os.fork
        self.seal = None

    def serve(self):
        self.seal = check, tell = seal.take(self.sock)
        number = 0
        while True:
            try:
                message = wire.receive(self.sock)
            except EOFError:
                return
            number += 1
            # Each look touches pages that a fork shares (0.3 ms); correctness is checked in a session's first samples.
            if (number < OFTEN or number % SELDOM == 0) and (broken := check()):
                tell(broken)
                return
            handler = getattr(self, "do_" + message["do"])
            handler(message)

    # --- life ---------------------------------------------------------------------------------------------

    def do_hello(self, message):
        self.output_cap = message["output_cap"]
        if message.get("namespaced"):
            from . import nsfork

            nsfork.enter()
            self.fork = nsfork.namespaced_fork
        wire.send(
            self.sock,
            {"python": "%d.%d.%d" % sys.version_info[:3], "implementation": sys.implementation.name},
        )

    def do_preload(self, message):
        out = capture(self.output_cap)
        load.preload(message["names"], message["project"])
        release(out)
        wire.send(self.sock, {"ok": True})

    def do_load(self, message):
        out = capture(self.output_cap)
        try:
            reply = load.load(self.context, message)
        except BaseException as error:
            reply = {"error": describe(error), "type": type(error).__name__}
        finally:
            release(out)
        self.persistent = reply.get("threads", 1) > 1 and not message.get("force_fork")
        self.asynchronous = is_coroutine_function(self.context.function)
        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()
        reply["persistent"] = self.persistent
        wire.send(self.sock, reply)

    def do_warm(self, message):
        """Compile what a JIT compiles, on inputs that are never timed."""
        out = capture(self.output_cap)
        for blob in message["calls"]:
            try:
                call = codec.decode_live(blob)
                self.invoke(call)
            except Exception as error:
                # A failing warm-up call is no verdict: the same input is judged by a checked call.
                sys.stderr.write("warm-up: %s\n" % error)
        release(out)
        wire.send(self.sock, {"ok": True})

    def do_kernel(self, message):
        """From here on a GPU's modules are served, until the end."""
        from . import kernel

        kernel.serve(self, message)

    # --- functions ----------------------------------------------------------------------------------------

    def invoke(self, call, function=None):
        result = (function or self.context.function)(*call["args"], **call["kwargs"])
        if self.asynchronous:
            import asyncio  # it takes longer to import than the rest of the runner

            return asyncio.run(result)
        return result

    def do_sample(self, message):
        if self.persistent:
            scatter.run(self.sample, message)
            wire.send(self.sock, {"end": 0, "signal": 0})
            return
        self.in_fork(self.sample, message)

    def in_fork(self, function, message):
        """Do it in a fork, and import here what was imported there."""
        reader, writer = os.pipe()
        before = lazy.known()

        def run():
            scatter.run(function, message)
            os.write(writer, lazy.imported_since(before))

        pid = self.child(run)
        os.close(writer)
        self.finish(pid)
        # Not to the end of the file: what a sample leaves running may hold the pipe open.
        os.set_blocking(reader, False)
        try:
            self.adopt(os.read(reader, 1 << 16))
        except BlockingIOError:
            pass
        finally:
            os.close(reader)

    def adopt(self, names):
        """Import what a sample had to import."""
        if not names:
            return
        out = capture(self.output_cap)
        lazy.adopt(names.decode("utf-8", "replace").split("\n"))
        release(out)
        if hasattr(gc, "freeze"):
            gc.freeze()

    def child(self, function, *arguments):
        """Run `function` in a forked child that never returns here."""
        pid = self.fork()
        if pid:
            return pid
        code = 70
        try:
            set_dumpable(1)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            function(*arguments)
            code = 0
        except BaseException as error:
            sys.stderr.write(describe(error))
        finally:
            os._exit(code)

    def finish(self, pid):
        _, status, usage = os.wait4(pid, 0)
        wire.send(
            self.sock,
            {
                "end": os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1,
                "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
                "max_rss_kb": usage.ru_maxrss,
            },
        )

    def sample(self, message):
        check, tell = self.seal
        calls = [codec.decode_live(blob) for blob in message["calls"] for _ in range(message["repeat"])]
        out = capture(self.output_cap)
        wire.send(self.sock, {"ready": True})
        if wire.receive_exactly(self.sock, 1) != GO:
            return
        outcomes = []
        for call in calls:
            try:
                outcomes.append((0, self.invoke(call)))
            except BaseException as error:
                outcomes.append((1, error))
        sys.stdout.flush()
        try:
            answer = codec.encode(outcomes)
            failed = ""
        except codec.Unencodable as error:
            answer, failed = b"", str(error)
        except BaseException as error:
            answer, failed = b"", describe(error)
        wire.send(self.sock, {"answer": answer, "failed": failed})
        # A process that still runs shows the parent an old CPU time: nothing may be done here before the next byte.
        if wire.receive_exactly(self.sock, 1) == EXTRAS:
            if broken := check():
                tell(broken)
                return
            wire.send(self.sock, self.extras(calls, outcomes, out))
        release(out)

    def do_rounds(self, message):
        """Several timed regions in one fork: a GO and a done for each, then the answers of all."""
        self.in_fork(self.rounds, message)

    def rounds(self, message):
        each, rounds = len(message["calls"]) * message["repeat"], message["rounds"]
        keep_memory()
        # Before the inputs are there: what runs here is the candidate's.
        functions = [idle] * (each * rounds) if message["idle"] else load.instances(self.context, each * rounds)
        makers = [self.copies_of(blob) for blob in message["calls"]]
        out = capture(self.output_cap)
        outcomes = []
        for first in range(0, each * rounds, each):
            if not message["all"]:
                # Their memory is there for the next answers: new pages cost slow and fast programs the same.
                del outcomes[:]
            # Just now, so that caches hold them: what it takes to fetch them would bring slow and fast programs nearer.
            calls = [make() for _ in range(message["repeat"]) for make in makers]
            pairs = list(zip(calls, functions[first : first + each]))
            wire.send(self.sock, {"ready": True})
            if wire.receive_exactly(self.sock, 1) != GO:
                return
            for call, function in pairs:
                try:
                    outcomes.append((0, self.invoke(call, function)))
                except BaseException as error:
                    outcomes.append((1, error))
            last = bool(outcomes[-1][0]) or first + each == each * rounds
            wire.send(self.sock, {"done": True, "last": last})
            if last:
                break
        try:
            # Programs that can share nothing between calls answer all of them alike.
            answer, failed = codec.encode(outcomes if message["all"] else outcomes[-1:]), ""
        except BaseException as error:
            answer, failed = b"", describe(error)
        wire.send(self.sock, {"answer": answer, "failed": failed})
        release(out)

    def copies_of(self, blob):
        """What makes fresh copies of an encoded call."""
        try:
            return copies.maker(codec.decode_live(blob))
        except copies.NotPlain:
            return functools.partial(codec.decode_live, blob)

    def extras(self, calls, outcomes, out):
        """Arguments after the calls, what was printed, and where a raised exception came from."""
        try:
            after = codec.encode([[list(call["args"]), call["kwargs"]] for call in calls])
        except BaseException as error:
            after = b""  # the parent then has nothing to compare and says so by its count of encodable calls
            sys.stderr.write("arguments after the call: %s\n" % error)
        where = [describe(value) for failed, value in outcomes[:1] if failed]
        return {"after": after, "stdout": printed(out), "where": where[0] if where else ""}

    def do_invoke(self, message):
        """One untimed call, answered with the value and the arguments after it."""

        def run():
            call = codec.decode_live(message["call"])
            out = capture(self.output_cap)
            try:
                result = {"ok": self.invoke(call)}
            except BaseException as error:
                result = {"error": error}
            result["args"] = list(call["args"])
            release(out)
            wire.send(self.sock, {"answer": codec.encode(result)})

        self.finish(self.child(run))

    # --- operations ---------------------------------------------------------------------------------------

    def do_op(self, message):
        """Run an operation (`op_NAME.run`) in a child; it may ask the parent for remote calls on its way."""

        def remote(blob):
            wire.send(self.sock, {"remote": blob})
            return wire.receive(self.sock)["answer"]

        def run():
            out = capture(self.output_cap)
            self.context.remote = remote
            # Tools that make inputs and profiles come last on the path: the user's own versions win.
            sys.path.extend(filter(None, os.environ.get("CODEOPT_TOOLS", "").split(":")))
            try:
                # A module of the package, named by the parent's own code, never by a candidate.
                operation = importlib.import_module(__package__ + ".op_" + message["name"])
                reply = operation.run(message["request"], self.context)
            except BaseException as error:
                reply = {"error": describe(error)}
            sys.stdout.flush()
            reply.setdefault("stdout", printed(out)[-4000:])
            wire.send(self.sock, {"reply": reply})

        self.finish(self.child(run))

    # --- programs -----------------------------------------------------------------------------------------

    def do_put(self, message):
        wire.send(self.sock, programs.put(message))

    def do_run(self, message):
        wire.send(self.sock, programs.run(message, self.output_cap))

    def do_exec(self, message):
        programs.sample(self.sock, message, self.output_cap)


def capture(cap):
    """Send file descriptors 0 and 1 elsewhere; returns what `printed` and `release` need."""
    sys.stdout.flush()
    saved_in, saved_out = os.dup(0), os.dup(1)
    out = os.memfd_create("stdout")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(out, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if soft == resource.RLIM_INFINITY or soft > cap:
        resource.setrlimit(resource.RLIMIT_FSIZE, (cap, hard))
    return saved_in, saved_out, out, cap


def printed(captured):
    out, cap = captured[2], captured[3]
    size = min(os.fstat(out).st_size, cap)
    return os.pread(out, size, 0)


def release(captured):
    sys.stdout.flush()
    saved_in, saved_out, out, _ = captured
    os.dup2(saved_in, 0)
    os.dup2(saved_out, 1)
    for descriptor in (saved_in, saved_out, out):
        os.close(descriptor)


def main():
    sock = wire.connect()
    # A process of the same user could otherwise write to this one's memory through /proc/PID/mem.
    set_dumpable(0)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    Server(sock).serve()
