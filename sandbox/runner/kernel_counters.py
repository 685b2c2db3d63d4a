"""Hardware counters of one call of a module, by NVIDIA's ncu: it starts a process that makes the module and calls it.

`python kernel_counters.py FILE` is that process.
"""

import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile

PLACES = ("/usr/local/cuda/bin/ncu", "/opt/nvidia/nsight-compute/*/ncu")
MOST_TEXT = 1 << 22
WARM = 2  # calls, so that what is compiled on the first one is there


def tool():
    """ncu's path; "" where it is not installed."""
    return shutil.which("ncu") or next((path for place in PLACES for path in sorted(glob.glob(place), reverse=True)), "")


def counted(kernel, message):
    """What ncu prints. Raises RuntimeError where it is not there or does not end in time."""
    import msgpack

    found = tool()
    if not found:
        raise RuntimeError("ncu is not installed")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "asked")
        with open(path, "wb") as file:
            held = {"device": kernel.device.kind, "load": kernel.loaded, **{name: message[name] for name in ("text", "seed", "init", "spec")}}
            file.write(msgpack.packb(held, use_bin_type=True, unicode_errors="surrogatepass"))
        words = [found, *message["options"], sys.executable, os.path.abspath(__file__), path]
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True
        )
        try:
            printed = process.communicate(timeout=message["seconds"])[0]
        except subprocess.TimeoutExpired:
            raise RuntimeError("ncu did not end within %g s" % message["seconds"]) from None
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)  # what it started, too
            except ProcessLookupError:
                pass
            process.wait()
    return printed[:MOST_TEXT].decode("utf-8", "replace")


def call(path):
    """Make the module that a file names, and call it once where the profiler sees it."""
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0] or ".") == here:
        del sys.path[0]
    import importlib.util

    spec = importlib.util.spec_from_file_location("codeopt_boot", os.path.join(here, "boot.py"))
    boot = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(boot)
    if importlib.util.find_spec("msgpack") is None:
        boot.load_package("msgpack", os.environ["CODEOPT_MSGPACK"])
    boot.load_package("_codeopt_runner", here)
    import msgpack
    from _codeopt_runner import kernel, main

    with open(path, "rb") as file:
        asked = msgpack.unpackb(file.read(), raw=False, strict_map_key=False, unicode_errors="surrogatepass")
    made = kernel.Kernel(main.Server(None), asked["device"])
    made.do_load(asked["load"])
    made.build(asked["text"], asked["init"])
    module = made.built[asked["text"]][1]
    *warm, last = made.bound(asked["text"], [asked["seed"] + number for number in range(WARM + 1)], asked["spec"])
    with made.around():
        for call in warm:
            call.run(module)
        made.device.synchronise()
        shown = made.torch.cuda.cudart() if asked["device"] == "cuda" else None
        if shown is not None:
            shown.cudaProfilerStart()
        last.run(module)
        made.device.synchronise()
        if shown is not None:
            shown.cudaProfilerStop()


if __name__ == "__main__":
    call(sys.argv[1])
