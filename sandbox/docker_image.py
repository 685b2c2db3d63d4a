"""The images: an empty one for the host's own files, and one with Python and compilers from the Dockerfile."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from codeopt import __version__
from codeopt.errors import SandboxUnavailable, UserError
from codeopt.sandbox.system import system_entries

if TYPE_CHECKING:
    import docker  # type: ignore[import-untyped]

FOLDER = Path(__file__).with_name("image").resolve()
IMAGE = f"codeopt-sandbox:{__version__}"
LABEL = "codeopt.image"
DEBIAN = "bookworm"


def _empty_tar() -> bytes:
    """A root with mount points only: directories, the host's own top symlinks, and a passwd file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:

        def add(name: str, kind: bytes, mode: int = 0o755, link: str = "", text: str = "") -> None:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.linkname, entry.size = kind, mode, link, len(text)
            tar.addfile(entry, io.BytesIO(text.encode()) if text else None)

        # a real /sbin: the engine mounts its docker-init there before /usr is mounted
        for name in ("etc", "proc", "sys", "dev", "run", "usr", "sbin"):
            add(name, tarfile.DIRTYPE)
        add("tmp", tarfile.DIRTYPE, 0o1777)
        for entry in system_entries():
            if entry.link and entry.path != "/sbin":
                add(entry.path[1:], tarfile.SYMTYPE, 0o777, entry.link)
        add("etc/passwd", tarfile.REGTYPE, 0o644, text="root:x:0:0::/:/bin/sh\n")
        add("etc/group", tarfile.REGTYPE, 0o644, text="root:x:0:\n")
    return buffer.getvalue()


def ensure_empty(client: docker.DockerClient) -> str:
    """The name of the empty image, made from a small tar on first use. No registry is asked."""
    from docker.errors import ImageNotFound  # type: ignore[import-untyped]

    data = _empty_tar()
    tag = hashlib.sha256(data).hexdigest()[:12]
    name = f"codeopt-empty:{tag}"
    try:
        client.images.get(name)
    except ImageNotFound:
        client.api.import_image_from_data(data, repository="codeopt-empty", tag=tag)
    return name


def require_image(client: docker.DockerClient) -> str:
    """The name of the image that `build` makes.

    Raises:
        SandboxUnavailable: It has not been built for this version.
    """
    from docker.errors import ImageNotFound

    try:
        client.images.get(IMAGE)
    except ImageNotFound:
        raise SandboxUnavailable(
            f"the image {IMAGE} is not built", "build it: codeopt sandbox build"
        ) from None
    return IMAGE


def packages() -> list[str]:
    """The one package list."""
    lines = (line.partition("#")[0].strip() for line in (FOLDER / "packages.txt").read_text().splitlines())
    return [line for line in lines if line]


def _pull(client: docker.DockerClient, base: str) -> bool:
    from docker.errors import APIError, ImageNotFound

    try:
        client.images.get(base)
        return True
    except ImageNotFound:
        pass
    try:
        client.images.pull(base)
    except APIError:
        return False
    return True


def _debian_base(client: docker.DockerClient, say: Callable[[str], None]) -> str:
    """A base image made from Debian's packages, with the package list already in it."""
    program = shutil.which("mmdebstrap")
    if program is None:
        raise UserError(
            "no registry answers and mmdebstrap is not installed, so there is no base image",
            "sudo apt install mmdebstrap, or name a local image: codeopt sandbox build --base NAME",
        )
    with tempfile.TemporaryDirectory(prefix="codeopt-base-") as folder:
        tar = Path(folder, "base.tar")
        include = ",".join(packages())
        command = [program, "--variant=apt", f"--include={include}", DEBIAN, str(tar)]
        say(f"no registry: making a base from Debian's packages ({DEBIAN}, about a minute)")
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.startswith("E:")] or [
                "no reason given"
            ]
            raise UserError(f"mmdebstrap failed: {lines[0]}", "check the network and disk, and run it again")
        say("importing the base")
        with tar.open("rb") as file:
            client.api.import_image_from_data(file, repository="codeopt-base", tag=__version__)
    return f"codeopt-base:{__version__}"


def build(client: docker.DockerClient, base: str | None, say: Callable[[str], None]) -> str:
    """Build the image from the Dockerfile.

    Args:
        base: The base image; None tries debian:bookworm-slim from a registry, then Debian's packages.
        say: Told what happens, line by line.

    Raises:
        UserError: No base can be had, or a step failed.
    """
    from docker.errors import BuildError

    wanted = base or f"debian:{DEBIAN}-slim"
    if not _pull(client, wanted):
        if base:
            raise UserError(
                f"there is no image {base} here or in a registry", "docker images lists the local ones"
            )
        wanted = _debian_base(client, say)
    say(f"building {IMAGE} from {wanted}")
    try:
        client.images.build(
            path=str(FOLDER), tag=IMAGE, buildargs={"BASE": wanted}, labels={LABEL: __version__}, rm=True
        )
    except BuildError as error:
        lines = [str(part.get("stream", "")).strip() for part in error.build_log if part.get("stream")]
        raise UserError(
            f"building {IMAGE} failed: {error.msg}", f"last output: {' | '.join(lines[-3:])}"
        ) from error
    return IMAGE
