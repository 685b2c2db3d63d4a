"""The hostile candidates of soak.py: what each does instead of, or besides, its work.

`BODIES` run inside the call, `IMPORTS` when the module is imported. Each candidate also holds an honest `dedupe`, so
one that only makes a mess besides may still give the right answer; `MAY_PASS` names those.
"""

from __future__ import annotations

HONEST = """def dedupe(xs):
    return list(dict.fromkeys(xs))
"""

BODIES = {
    "fork bomb": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
    "threads": "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,)).start()",
    "memory flood": "held = []\nwhile True:\n    held.append(bytearray(1 << 24))",
    "memfd flood": "import os\nfd = os.memfd_create('x')\nwhile True:\n    os.write(fd, bytes(1 << 20))",
    "disk flood": """import os
n = 0
while True:
    n += 1
    fd = os.open(f'/tmp/x{n}', os.O_WRONLY | os.O_CREAT)
    for _ in range(8):
        os.write(fd, bytes(1 << 20))
    os.close(fd)""",
    "shm flood": "n = 0\nwhile True:\n    n += 1\n    open(f'/dev/shm/x{n}', 'wb').write(bytes(1 << 22))",
    "inode flood": "import os\nfor n in range(100000):\n    os.close(os.open(f'/tmp/i{n}', os.O_CREAT | os.O_RDWR))",
    "deep folders": "import os\nos.chdir('/tmp')\nfor n in range(3000):\n    os.mkdir('d')\n    os.chdir('d')\nraise SystemExit",
    "stdout flood": "import os\nwhile True:\n    os.write(1, bytes(1 << 20))",
    "stderr flood": "import os\nwhile True:\n    os.write(2, b'no' * (1 << 18))",
    "huge answer": "return [0] * (1 << 26)",
    "endless loop": "while True:\n    pass",
    "sleeps": "import signal, time\nfor n in range(1, 32):\n    if n not in (9, 19):\n        signal.signal(n, signal.SIG_IGN)\ntime.sleep(600)",
    "leaves": "import os\nos._exit(0)",
    "raises SystemExit": "raise SystemExit(0)",
    "kills all": "import os\nos.kill(-1, 9)",
    "kills its parent": "import os\nos.kill(os.getppid(), 9)",
    "kills its group": "import os\nos.killpg(0, 9)",
    "segfault": "import ctypes\nctypes.string_at(0)",
    "abort": "import os\nos.abort()",
    "garbage frames": """import os
for fd in range(3, 64):
    try:
        os.write(fd, b'\\xff' * 64)
    except OSError:
        pass""",
    "broken msgpack": """import os
for fd in range(3, 64):
    try:
        os.write(fd, (3).to_bytes(8, 'big') + b'\\xc1\\xc1\\xc1')
    except OSError:
        pass""",
    "forged frames": """import os, socket
for fd in range(3, 64):
    try:
        sock = socket.socket(fileno=os.dup(fd))
        for body in (b'\\x81\\xa6answer\\xc4\\x00', b'\\x82\\xa3end\\x00\\xa6signal\\x00', b'\\x81\\xa5ready\\xc3') * 3:
            sock.sendall(len(body).to_bytes(8, 'big') + body)
    except OSError:
        pass""",
    "flood of frames": """import os
frame = (3).to_bytes(8, 'big') + b'\\x81\\xa1a\\x01'
while True:
    for fd in range(3, 16):
        try:
            os.write(fd, frame * 1000)
        except OSError:
            pass""",
    "shuts the socket": """import os, socket
for fd in range(3, 64):
    try:
        socket.socket(fileno=os.dup(fd)).shutdown(socket.SHUT_RDWR)
    except OSError:
        pass""",
    "closes everything": "import os\nos.closerange(0, 4096)",
    "daemons": """import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)""",
    "busy daemons": """import os
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    while True:
        pass""",
    "a daemon that writes": """import os, time
if os.fork() == 0:
    os.setsid()
    while True:
        for fd in range(3, 16):
            try:
                os.write(fd, b'x')
            except OSError:
                pass
        time.sleep(0.001)""",
    "recursion": "import sys\nsys.setrecursionlimit(10 ** 9)\ndef down(n):\n    return down(n + 1) + 1\ndown(0)",
    "deep answer": "found = []\nfor _ in range(200000):\n    found = [found]\nreturn found",
    "file descriptors": "import os\nwhile True:\n    os.open('/dev/null', os.O_RDONLY)",
    "lies about limits": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True:\n    pass",
}
IMPORTS = {
    "import raises": "raise RuntimeError('no')",
    "import hangs": "import time\ntime.sleep(600)",
    "import exits": "import os\nos._exit(0)",
    "import leaves": "raise SystemExit(3)",
    "import kills": "import os\nos.kill(os.getpid(), 9)",
    "import closes": "import os\nos.closerange(0, 4096)",
    "import forks": "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n        time.sleep(600)",
    "import garbage": "import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, b'?' * 16)\n    except OSError:\n        pass",
    "not a module": "def dedupe(xs:\n",
}
# These answer rightly and only make a mess besides; whether they fail depends on what the mess hits.
MAY_PASS = {"inode flood", "daemons", "busy daemons", "a daemon that writes", "import forks"}


def hostile(number: int) -> tuple[str, str]:
    """(name, module text) of a hostile candidate; all kinds come in turn."""
    names = [*BODIES, *IMPORTS]
    name = names[number % len(names)]
    if name in IMPORTS:
        return name, f"{IMPORTS[name]}\n{HONEST}"
    body = "\n".join("    " + line for line in BODIES[name].split("\n"))
    return name, f"def dedupe(xs):\n{body}\n    return list(dict.fromkeys(xs))\n"
