"""The task: a program, what may change in it, how it is run and how its answers are checked."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from codeopt.types import Record

Kind = Literal["program", "function", "command", "kernel"]
Language = Literal["python", "cpp"]
PROMISES = ("keep_signature", "no_new_imports", "pure_python")
"""Fields of a task that forbid something to a candidate's text."""


class Task(Record):
    """Everything that is known about the program before it runs. Paths are absolute; "" means "none".

    Attributes:
        kind: "program" (stdin and arguments to stdout), "function" (a Python callable), "command" (an argv that
            is profiled as a whole, and whose own hottest functions are then optimised) or "kernel" (a PyTorch module; see
            `codeopt.agent.tasks.kernel`).
        language: "python", or "cpp" for C++ and C.
        file: The one file that may change; "" only for a command whose file the profile has yet to find.
        function: Qualified name as in the source ("f", "Class.method"); "" for a whole program.
        project: Folder that holds everything of the project that a run may need; at least the file's own.
        roots: Folders that have to be on `sys.path`, in this order, for `module` to be importable.
        module: Dotted name under which the file's own package knows it ("pkg.sub.mod").
        tests: Pytest files or folders.
        cases: Folder with stdin/stdout pairs; `codeopt.agent.tasks.cases.read_cases` reads it.
        args: Arguments of the program.
        stdin: File that is the program's stdin.
        inputs: Generator of inputs as "/path/file.py:name", called as name(size, seed); for a function it returns
            the tuple of arguments, for a program the text of stdin.
        codec: Python file with the user's encoder and decoder; it is run inside the sandbox only.
        oracle: What computes a function's answer in higher precision, as "/path/file.py:name"; it never meets a candidate.
        relations: Python file of generator functions, each a relation between answers that has to hold; it is run
            inside a sandbox that holds no candidate.
        compiler: Compiler of a C++ or C file.
        flags: Its flags.
        python: Interpreter under which Python runs; every task has one.
        timeout_s: Seconds that one run of the baseline may take.
        memory_mb: Memory of one session.
        threads: Threads that the program may use; 1 means that it is judged as single-threaded.
        rel, abs: Tolerance for floating-point numbers in values, as in `math.isclose`. Of a kernel only `rel` counts,
            relative to the norm of an output; 0 takes KernelBench's for the output's type.
        float_tol: Relative and absolute tolerance for numbers inside printed text; 0 asks for equal tokens.
        command: Whole argv of a command.
        device: Where a kernel runs: "cuda", "cpu", or "" for the GPU that is there.
        backward: Of a kernel forward and backward are checked and timed, not forward alone.
        keep_signature, no_new_imports, pure_python: What a candidate's text has to keep to; see `codeopt.agent.constraints`.
        memory_at_most: Peak memory of a candidate, "1.2x" (of the baseline's) or "512MB"; "" is no limit but `memory_mb`.
        sanitize: C++ and C: what is accepted has to be clean in a build with sanitizers; see `codeopt.sandbox.sanitize`.
    """

    kind: Kind
    language: Language = "python"
    file: str
    function: str = ""
    project: str = ""
    roots: tuple[str, ...] = ()
    module: str = ""
    tests: tuple[str, ...] = ()
    cases: str = ""
    args: tuple[str, ...] = ()
    stdin: str = ""
    inputs: str = ""
    codec: str = ""
    oracle: str = ""
    relations: str = ""
    compiler: str = ""
    flags: tuple[str, ...] = ()
    python: str = ""
    timeout_s: float = Field(default=10.0, gt=0)
    memory_mb: int = Field(default=4096, gt=0)
    threads: int = Field(default=1, gt=0)
    rel: float = Field(default=1e-9, ge=0)
    abs: float = Field(default=1e-12, ge=0)
    float_tol: float = Field(default=0.0, ge=0)
    command: tuple[str, ...] = ()
    device: str = ""
    backward: bool = False
    keep_signature: bool = False
    no_new_imports: bool = False
    pure_python: bool = False
    memory_at_most: str = ""
    sanitize: bool = True
