"""The Docker sandbox: one fresh, hardened container for each session.

The host runtime (the default) shows the host's own /usr and libraries, read-only, in an empty image, so that the
user's interpreter runs as it does outside. The image runtime uses the image of `codeopt sandbox build` instead.

Nothing is attached: an attached socket that nobody drains blocks the engine's kill for minutes. The program connects
to a socket of ours, the one host file in the container that is not read-only data.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shutil
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeopt.errors import EngineRestarted, SandboxUnavailable
from codeopt.sandbox import cgroup, docker_image
from codeopt.sandbox.docker_engine import Engine, Watch, find_engine, wait_for_engine
from codeopt.sandbox.process import STDERR_BYTES, basic_env
from codeopt.sandbox.protocol import Launch, Mount
from codeopt.sandbox.system import covered_by_system, readable_mounts, session_folder, system_entries
from codeopt.types import Usage

if TYPE_CHECKING:
    import docker  # type: ignore[import-untyped]
    from docker.models.containers import Container  # type: ignore[import-untyped]

SOCKET_INSIDE = "/run/codeopt.sock"
OWNER_LABEL = "codeopt.owner"
CONNECT_SECONDS = 30.0
# How long a restart of the engine may take in the middle of a run, and for an engine that never started anything.
RESTART_SECONDS, FIRST_SECONDS = 20.0, 3.0
_TMP_INODES = 100_000
_left: set[str] = set()  # containers that could not be removed while the engine was away


def _errors() -> tuple[type[Exception], ...]:
    """What the client raises when the engine refuses, breaks off or has gone."""
    from docker.errors import DockerException  # type: ignore[import-untyped]
    from requests.exceptions import RequestException

    return DockerException, RequestException


def _failures() -> tuple[type[Exception], ...]:
    return (*_errors(), SandboxUnavailable)


def _owner_of(pid: int) -> str:
    """A process, told apart from a later one with the same pid: "NAMESPACE:PID:START"; START is empty when gone."""
    # two codeopts in containers may share an engine and know nothing of each other's pids
    space = os.stat("/proc/self/ns/pid").st_ino
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return f"{space}:{pid}:"
    return f"{space}:{pid}:{stat.rpartition(b')')[2].split()[19].decode()}"


class DockerChannel:
    """A running container and our end of its socket. Fits `Channel`."""

    def __init__(
        self,
        container: Container,
        sock: socket.socket,
        group: cgroup.Group,
        remove: Callable[[str], None],
        folder: str,
        watch: Watch,
    ) -> None:
        self.sock = sock
        self._container, self._group, self._remove, self._folder = container, group, remove, folder
        self._watch = watch
        self._last: tuple[Usage, bool, str] | None = None
        self._lock = threading.Lock()

    def cpu_ns(self) -> int | None:
        return None if self._last else self._group.cpu_ns()

    def usage(self) -> Usage:
        return self._last[0] if self._last else self._group.usage()

    def processes(self) -> int | None:
        return self._last[0].processes if self._last else self._group.processes()

    def out_of_memory(self) -> bool:
        """As in `Channel`; raises what `_blame_the_engine` raises."""
        if self._last:
            return self._last[1]
        self._blame_the_engine()
        return self._killed_for_memory()

    def _killed_for_memory(self) -> bool:
        kills = self._group.oom_kills()
        if kills is not None:
            return kills > 0
        # the group goes with the container's last process; the engine remembers
        with contextlib.suppress(*_errors()):
            self._container.reload()
            return bool(self._container.attrs["State"].get("OOMKilled"))
        return False

    def stderr_tail(self) -> str:
        """As in `Channel`; raises what `_blame_the_engine` raises."""
        if self._last:
            return self._last[2]
        self._blame_the_engine()
        return _log_tail(self._container)

    def _blame_the_engine(self) -> None:
        """Whoever asks for last words has lost the program; an engine that stops takes its containers along.

        Raises:
            EngineRestarted: The engine was restarted and answers again: a new session works.
            SandboxUnavailable: It stopped and did not come back.
        """
        if self._watch.gone():
            try:
                wait_for_engine(RESTART_SECONDS)
            except SandboxUnavailable as error:
                raise _stopped(error) from error
            raise EngineRestarted("the Docker engine was restarted in the middle of the run")

    def kill(self) -> None:
        with self._lock:
            if self._last is None:
                # the log first: it goes with the container
                tail = _log_tail(self._container)
                self._last = self.usage(), self._killed_for_memory(), tail
                # A thread that waits for it wakes by this. Closed at once its number would be taken by the next connection
                # to the engine, and the thread's poll, which looks by number, would wait for that one.
                with contextlib.suppress(OSError):
                    self.sock.shutdown(socket.SHUT_RDWR)
                self._remove(self._container.id)
                shutil.rmtree(self._folder, ignore_errors=True)
                self.sock.close()


def _log_tail(container: Container) -> str:
    try:
        text: bytes = container.logs(stdout=False, stderr=True, tail=100)
    except _errors():
        return ""
    return text[-STDERR_BYTES:].decode(errors="replace")


class DockerSandbox:
    """Runs the program in hardened containers of the local engine.

    Args:
        runtime: "host" (the host's own system files) or "image" (the image of `codeopt sandbox build`).
        engine: The engine; found when not given.
        note: Why this kind was taken, for the report.
        connect_seconds: How long a container may take to start and connect.
        gpus: Show all GPUs, in the way that the engine has for it.

    Raises:
        SandboxUnavailable: No engine answers, or the image is missing.
    """

    name = "docker"

    def __init__(
        self,
        runtime: str = "host",
        engine: Engine | None = None,
        note: str = "",
        connect_seconds: float = CONNECT_SECONDS,
        gpus: bool = False,
    ) -> None:
        self.engine = engine or find_engine()
        self.runtime = runtime
        self.note = (
            note or "Docker: own namespaces and cgroup, no network, files read-only; shares the kernel"
        )
        if gpus and not note:
            self.note += "; shows the GPUs"
        self._connect_seconds, self._shows_gpus = connect_seconds, gpus
        self._channels: weakref.WeakSet[DockerChannel] = weakref.WeakSet()
        self._clients: tuple[docker.DockerClient, docker.DockerClient] | None = None
        self._watch: Watch | None = None
        self._removals: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._proved = False
        self._image = ""

    def inside(self, mount: Mount) -> str:
        return mount.inside

    def prepare(self) -> None:
        """Connect and see that the image is there (`start` does so by itself).

        Raises:
            SandboxUnavailable: The image is missing, or the engine broke off.
        """
        try:
            self._connect()
        except _errors() as error:
            raise SandboxUnavailable(f"the Docker engine failed: {_one_line(error)}", "restart it") from error

    def start(self, launch: Launch) -> DockerChannel:
        try:
            return self._start(launch)
        except _failures() as first:
            trouble = first if isinstance(first, SandboxUnavailable) else _explain(first)
            if trouble and not (self._watch and self._watch.gone()):
                raise trouble from first
        # the engine went away in the middle (restarted): wait for it a little, then once more
        self._disconnect()
        try:
            self.engine = wait_for_engine(RESTART_SECONDS if self._proved else FIRST_SECONDS)
        except SandboxUnavailable as error:
            if not self._proved:
                raise
            raise _stopped(error) from error
        try:
            return self._start(launch)
        except _errors() as second:
            raise SandboxUnavailable(
                f"the Docker engine failed: {_one_line(second)}", "restart it: sudo systemctl restart docker"
            ) from second

    def close(self) -> None:
        for channel in list(self._channels):
            channel.kill()
        for thread in self._removals:
            thread.join(10)
        self._remove_left()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._clients:
            for client in self._clients:
                client.close()
            self._clients = None
        if self._watch:
            self._watch.close()  # channels that still live are told that their engine has gone
            self._watch = None

    def _connect(self) -> tuple[docker.DockerClient, docker.DockerClient]:
        """(for starting, for killing: its calls may not take long)."""
        if self._clients is None:
            import docker

            patient = docker.DockerClient(base_url=self.engine.url, timeout=60)
            hasty = docker.DockerClient(base_url=self.engine.url, timeout=1)
            for client in (patient, hasty):
                client.api.trust_env = False  # a unix socket has no proxy; requests looks for one at every call
            self._image = (
                docker_image.ensure_empty(patient)
                if self.runtime == "host"
                else docker_image.require_image(patient)
            )
            self._clients = patient, hasty
            sweep(patient)
            self._remove_left()
        return self._clients

    def _remove_left(self) -> None:
        for identity in tuple(_left):
            _left.discard(identity)
            self._remove(identity)

    def _watched(self) -> Watch:
        if self._watch is None:
            from requests.exceptions import ConnectionError

            try:
                self._watch = Watch(self.engine)
            except OSError as error:
                raise ConnectionError(str(error)) from error
        return self._watch

    def _start(self, launch: Launch) -> DockerChannel:
        client, hasty = self._connect()
        watch = self._watched()
        folder = session_folder()
        # Known before it exists: an engine that breaks off may have made it and not said so.
        name = f"codeopt-{secrets.token_hex(8)}"
        try:
            listener = _listen(folder)
            with listener:
                container = client.containers.create(name=name, **self._options(launch, Path(folder)))
                container.start()
                sock = self._accept(listener, container)
            Path(folder, "s").unlink()
            container.reload()
            pid = int(container.attrs["State"]["Pid"])
            container.client = hasty
            group = cgroup.of_process(pid) if pid else cgroup.Group({})
            channel = DockerChannel(container, sock, group, self._remove, folder, watch)
            self._channels.add(channel)
            self._proved = True
            return channel
        except BaseException:
            self._remove(name)
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _accept(self, listener: socket.socket, container: Container) -> socket.socket:
        deadline = time.monotonic() + self._connect_seconds
        while time.monotonic() < deadline:
            if select.select([listener], [], [], 0.1)[0]:
                sock, _ = listener.accept()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
                return sock
            container.reload()
            if container.status not in ("created", "running"):
                lines = _log_tail(container).strip().splitlines()
                said = lines[-1] if lines else f"exit status {container.attrs['State'].get('ExitCode')}"
                raise SandboxUnavailable(
                    f"the program ended in its container before it connected: {said}",
                    "try --sandbox bubblewrap",
                )
        raise SandboxUnavailable(
            f"the program did not connect from its container within {self._connect_seconds:g} s",
            "the engine may not share this machine's files and sockets: try --sandbox bubblewrap",
        )

    def _options(self, launch: Launch, folder: Path) -> dict[str, Any]:
        from docker.types import LogConfig, Ulimit  # type: ignore[import-untyped]

        limits, user = launch.limits, self.engine.user
        memory = f"{limits.memory_mb}m"
        profile = "seccomp-namespaces.json" if launch.namespaced_forks else "seccomp.json"
        security = ["no-new-privileges", f"seccomp={(docker_image.FOLDER / profile).read_text()}"]
        if self.engine.selinux:
            security.append("label=disable")
        if self.engine.apparmor and launch.namespaced_forks:
            security.append("apparmor=unconfined")
        return {
            "image": self._image,
            "command": list(launch.argv),
            "entrypoint": [],
            "environment": {**basic_env(launch, "/tmp"), "CODEOPT_CHANNEL": f"unix:{SOCKET_INSIDE}"},
            "labels": {OWNER_LABEL: _owner_of(os.getpid())},
            "mounts": list(self._mounts(launch, folder)),
            "device_requests": self.engine.gpu_requests() if self._shows_gpus else [],
            "network_mode": "none",
            "ipc_mode": "private",
            "read_only": True,
            "tmpfs": {
                "/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={limits.tmp_mb}m,nr_inodes={_TMP_INODES}"
            },
            "shm_size": f"{limits.tmp_mb}m",
            "cap_drop": ["ALL"],
            "security_opt": security,
            "pids_limit": limits.pids,
            "mem_limit": memory,
            "memswap_limit": memory,
            "cpuset_cpus": ",".join(map(str, limits.cpus)) or None,
            "user": f"{user}:{user if self.engine.foreign_user else os.getgid()}",
            "ulimits": [
                Ulimit(name="core", soft=0, hard=0),
                Ulimit(name="nofile", soft=4096, hard=4096),
                Ulimit(name="fsize", soft=limits.tmp_mb << 20, hard=limits.tmp_mb << 20),
            ],
            "init": True,
            "log_config": LogConfig(type="json-file", config={"max-size": "1m", "max-file": "1"}),
            "working_dir": "/tmp",
            "hostname": "sandbox",
            "stdin_open": False,
            "tty": False,
        }

    def _mounts(self, launch: Launch, folder: Path) -> Iterator[dict[str, Any]]:
        wanted = launch.mounts
        if self.engine.foreign_user:
            wanted = readable_mounts(wanted, folder)
        if self.runtime == "host":
            for entry in system_entries():
                if not entry.link and entry.path != "/sbin":
                    yield _bind(entry.path, entry.path)
            for point in _points_below_usr():
                yield _bind(point, point)
        for mount in wanted:
            yield _bind(str(mount.host.resolve()), mount.inside)
        yield _bind(str(folder / "s"), SOCKET_INSIDE)

    def _remove(self, identity: str) -> None:
        """Kill and remove a container; what the engine does not do in a second is left to a thread."""
        from docker.errors import NotFound

        if self._clients is None:
            try:
                self._connect()
            except _failures():
                _left.add(identity)
                return
        assert self._clients is not None
        patient, hasty = self._clients
        try:
            hasty.api.remove_container(identity, force=True, v=True)
        except NotFound:
            return
        except _errors():
            thread = threading.Thread(target=_remove_later, args=(patient, identity), daemon=True)
            thread.start()
            with self._lock:  # sessions are renewed in threads
                self._removals = [*(other for other in self._removals if other.is_alive()), thread]


def _remove_later(client: docker.DockerClient, identity: str) -> None:
    from docker.errors import NotFound

    try:
        client.api.remove_container(identity, force=True, v=True)
    except NotFound:
        return
    except _errors():
        _left.add(identity)  # for the next connection of this process; later runs find it by their sweep


def _stopped(error: SandboxUnavailable) -> SandboxUnavailable:
    return SandboxUnavailable(f"the Docker engine stopped in the middle of the run ({error.message})", error.hint)


def _bind(host: str, inside: str) -> dict[str, Any]:
    from docker.types import Mount as DockerMount

    mount: dict[str, Any] = DockerMount(inside, host, type="bind", read_only=True, propagation="rprivate")
    # before API 1.44 a read-only bind leaves file systems mounted below it writable
    mount["BindOptions"]["NonRecursive"] = True
    return mount


def _points_below_usr() -> list[str]:
    """File systems mounted below the system's directories (/usr/local on a disk of its own)."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = {line.split()[4].replace("\\040", " ") for line in lines}
    shown = {entry.path for entry in system_entries()}
    return sorted(point for point in points - shown if covered_by_system(point))


def _listen(folder: str) -> socket.socket:
    """A listening socket in the private folder; through /proc, because a socket's path may have 107 bytes only."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{fd}/s")
    finally:
        os.close(fd)
    os.chmod(f"{folder}/s", 0o666)
    listener.listen(1)
    return listener


def _one_line(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error).strip().splitlines()[0][:300]


def _explain(error: Exception) -> SandboxUnavailable | None:
    """The line for a refusal by a living engine; None when the engine itself broke off."""
    from docker.errors import APIError

    if not isinstance(error, APIError) or error.response is None:
        return None
    said = _one_line(error)
    if "docker-init" in said:
        return SandboxUnavailable(
            "the Docker engine lacks docker-init", "install it (Debian: sudo apt install tini)"
        )
    if "bind source path does not exist" in said or "bind mount source path" in said:
        return SandboxUnavailable(
            f"the Docker engine does not see this machine's files ({said})",
            "it is confined (snap) or in another machine: install docker.io, or use --sandbox bubblewrap",
        )
    return SandboxUnavailable(f"the Docker engine refused the container: {said}", "try --sandbox bubblewrap")


def sweep(client: docker.DockerClient) -> list[str]:
    """Remove the containers of codeopt processes of this machine that are gone; their ids."""
    removed = []
    # others remove theirs meanwhile
    for container in client.containers.list(all=True, filters={"label": OWNER_LABEL}, ignore_removed=True):
        owner = container.labels.get(OWNER_LABEL, "")
        space, _, rest = owner.partition(":")
        now = _owner_of(int(rest.partition(":")[0] or 0))
        if now.partition(":")[0] == space and now != owner:
            with contextlib.suppress(*_errors()):
                client.api.remove_container(container.id, force=True, v=True)
                removed.append(str(container.id))
    return removed
