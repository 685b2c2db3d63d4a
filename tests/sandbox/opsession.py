"""A session in the process sandbox with one function of one module loaded, for the tests of operations."""

import sys
from contextlib import contextmanager
from pathlib import Path

from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.protocol import Mount
from codeopt.sandbox.runner import codec
from codeopt.sandbox.session import Runtime, Session


def encoded(*args, **kwargs):
    return codec.encode({"args": list(args), "kwargs": kwargs})


def plain(call):
    """(args, kwargs) of an encoded call, as this process may see it."""
    decoded = codec.decode_plain(call["blob"] if isinstance(call, dict) else call)
    return decoded["args"], decoded["kwargs"]


@contextmanager
def opened(folder: Path, source: str, function: str, module: str = "m", candidate: str | None = None):
    """`source` is written into the folder as the module's file; `candidate` is what is loaded in its place."""
    file = folder.joinpath(*module.split(".")).with_suffix(".py")
    if candidate is None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    # The interpreter's own site-packages would be found by itself; the tools' need not be there.
    runtime = Runtime(sys.executable, (Mount(folder, str(folder)),))
    with Session(ProcessSandbox(), runtime) as session:
        reply = session.load(
            {
                "module": module,
                "function": function,
                "file": str(file),
                "source": (candidate or source).encode(),
                "project": [str(folder)],
                "codec": "",
                "cwd": str(folder),
            }
        )
        assert "error" not in reply, reply
        yield session
