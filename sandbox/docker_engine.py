"""Which Docker engine there is and whether it can serve: a look in milliseconds, before anything is imported."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeopt.errors import SandboxUnavailable

PING_SECONDS = 10.0  # a busy engine answers slowly, one that stops refuses at once
INSTALL = "install Docker (Debian, Ubuntu: sudo apt install docker.io), or use --sandbox bubblewrap"


@dataclass(frozen=True)
class Engine:
    """A local engine that answered.

    Attributes:
        url: "unix:///var/run/docker.sock" and the like.
        foreign_user: The program's uid owns none of the user's files (root, rootless engine, remapped users).
        selinux: The engine labels containers.
        apparmor: The engine confines containers by AppArmor's default profile, which forbids mount.
        gpus: How it shows NVIDIA's GPUs to containers: "cdi" (Container Device Interface), "runtime" (NVIDIA's container
            toolkit), or "".
    """

    url: str
    foreign_user: bool
    selinux: bool
    apparmor: bool
    gpus: str = ""

    @property
    def user(self) -> int:
        """The uid that the program runs under."""
        return 65532 if self.foreign_user else os.getuid()

    def gpu_requests(self) -> list[dict[str, Any]]:
        """What `--gpus all` and `--device nvidia.com/gpu=all` ask for; CUDA_VISIBLE_DEVICES says which of them are used."""
        from docker.types import DeviceRequest  # type: ignore[import-untyped]

        if self.gpus == "cdi":
            return [DeviceRequest(driver="cdi", device_ids=["nvidia.com/gpu=all"])]
        return [DeviceRequest(count=-1, capabilities=[["gpu", "compute", "utility"]])]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _context_host() -> str | None:
    """The engine of `docker context use`, as the docker command keeps it."""
    config = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    name = os.environ.get("DOCKER_CONTEXT")
    try:
        name = name or json.loads((config / "config.json").read_text()).get("currentContext")
        if not name or name == "default":
            return None
        digest = hashlib.sha256(name.encode()).hexdigest()
        meta = json.loads((config / "contexts" / "meta" / digest / "meta.json").read_text())
        return str(meta["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError):
        return None


def _url() -> str:
    named = os.environ.get("DOCKER_HOST") or _context_host()
    if named:
        return named
    rootless = Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"), "docker.sock")
    system = Path("/var/run/docker.sock")
    return f"unix://{rootless if rootless.exists() and not system.exists() else system}"


def find_engine(timeout: float = 3.0) -> Engine:
    """The engine that DOCKER_HOST, the current context or the usual places name.

    Raises:
        SandboxUnavailable: Absent, not running, not permitted, remote, or silent for `timeout` seconds.
    """
    url = _url()
    if not url.startswith("unix://"):
        raise SandboxUnavailable(
            f"the Docker engine at {url} is not on this machine, so it cannot see your files",
            "unset DOCKER_HOST to use a local engine, or use --sandbox bubblewrap",
        )
    path = url.removeprefix("unix://")
    connection = _UnixConnection(path, timeout)
    try:
        connection.request("GET", "/info")
        response = connection.getresponse()
        body = response.read()
    except FileNotFoundError as error:
        if shutil.which("dockerd") is None and shutil.which("docker") is None:
            raise SandboxUnavailable("Docker is not installed", INSTALL) from error
        raise _down(path) from error
    except ConnectionRefusedError as error:
        raise _down(path) from error
    except PermissionError as error:
        raise SandboxUnavailable(
            f"no permission to use Docker ({path})",
            "sudo usermod -aG docker $USER, then log in again; or use --sandbox bubblewrap",
        ) from error
    except TimeoutError as error:
        raise SandboxUnavailable(
            f"the Docker engine did not answer within {timeout:g} s",
            "restart it: sudo systemctl restart docker",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise SandboxUnavailable(f"the Docker engine at {path} broke off: {error}", "restart it") from error
    finally:
        connection.close()
    if response.status != 200:
        raise SandboxUnavailable(
            f"the Docker engine at {path} answers with status {response.status}", "look at its log"
        )
    return _judge(url, json.loads(body))


def _down(path: str) -> SandboxUnavailable:
    return SandboxUnavailable(
        f"the Docker daemon is not running (nothing answers at {path})",
        "start it: sudo systemctl start docker (or: sudo dockerd &)",
    )


def _judge(url: str, info: dict[str, Any]) -> Engine:
    system = str(info.get("OperatingSystem", ""))
    if "Docker Desktop" in system or info.get("OSType", "linux") != "linux":
        raise SandboxUnavailable(
            f"{system or 'this engine'} runs its containers in another machine than your files",
            "install Docker's engine here (Debian, Ubuntu, WSL: sudo apt install docker.io), or use bubblewrap",
        )
    options = " ".join(info.get("SecurityOptions") or ())
    remapped = "name=rootless" in options or "name=userns" in options
    return Engine(
        url=url,
        foreign_user=os.getuid() == 0 or remapped,
        selinux="name=selinux" in options,
        apparmor="name=apparmor" in options,
        gpus=_gpus(info),
    )


def _gpus(info: dict[str, Any]) -> str:
    """See `Engine.gpus`. Engines before 28.2 tell where descriptions of devices lie, and not which there are."""
    devices = [str(one.get("ID")) for one in info.get("DiscoveredDevices") or () if isinstance(one, dict)]
    described = [file.name for folder in info.get("CDISpecDirs") or () for file in Path(str(folder)).glob("*nvidia*")]
    if any(name.startswith("nvidia.com/gpu=") for name in devices) or described:
        return "cdi"
    return "runtime" if "nvidia" in (info.get("Runtimes") or {}) else ""


class Watch:
    """A silent connection to an engine. It ends with that engine, so a restart is seen even when it is over.

    Raises:
        OSError: The engine does not take the connection.
    """

    def __init__(self, engine: Engine) -> None:
        self._path = engine.url.removeprefix("unix://")
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._sock.settimeout(PING_SECONDS)
            self._sock.connect(self._path)
            # Events that never come; the answer is the headers and then nothing.
            self._sock.sendall(b"GET /events?filters=%7B%22event%22%3A%5B%22none%22%5D%7D HTTP/1.1\r\nHost: x\r\n\r\n")
            self._sock.setblocking(False)  # with a timeout even MSG_DONTWAIT waits for it
        except OSError:
            self._sock.close()
            raise

    def gone(self) -> bool:
        """Whether the engine has stopped, stops now, or is another one than at the start."""
        try:
            while self._sock.recv(1 << 16):
                continue
            return True
        except BlockingIOError:
            pass
        except OSError:
            return True
        # One that stops takes no new calls before it stops its containers, and only then ends its connections.
        ping = _UnixConnection(self._path, PING_SECONDS)
        try:
            ping.request("GET", "/_ping")
            return ping.getresponse().status != 200
        except (OSError, http.client.HTTPException):
            return True
        finally:
            ping.close()

    def close(self) -> None:
        """End the connection; `gone` then says True. Idempotent."""
        self._sock.close()


def wait_for_engine(seconds: float) -> Engine:
    """The engine, as soon as it answers.

    Raises:
        SandboxUnavailable: It does not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return find_engine(1.0)
        except SandboxUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
