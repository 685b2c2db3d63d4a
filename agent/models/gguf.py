"""A local GGUF model behind llama.cpp's own server, with a LoRA adapter on it where one is named."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codeopt.agent.models import child, gguf_header
from codeopt.agent.models.endpoint import Endpoint
from codeopt.errors import UserError

PREFIX = "gguf:"


@contextmanager
def serving(name: str, *, parallel: int, context: int) -> Iterator[Endpoint]:
    """A running server of that model; it is gone when the block ends.

    Args:
        name: BASE.gguf or BASE.gguf@ADAPTER.gguf.
        parallel: Requests that are answered at a time.
        context: Tokens of prompt and answer together, for each of them.

    Raises:
        UserError: No such file, it is no GGUF file, the two do not belong together, xllamacpp is not installed, or the
            server does not start.
    """
    base, adapter = split(name)
    check(base, adapter)
    words = [str(base.resolve()), "--parallel", str(parallel), "--context", str(context)]
    if adapter is not None:
        words += ["--adapter", str(adapter.resolve())]
    with child.serving(__name__, words, f"{base.name}@{adapter.name}" if adapter else base.name) as endpoint:
        yield endpoint


def split(name: str) -> tuple[Path, Path | None]:
    """The model and the adapter in BASE.gguf[@ADAPTER.gguf]; what exists as it is written is no pair."""
    whole = Path(name).expanduser()
    if whole.exists() or "@" not in name:
        return whole, None
    parts = name.split("@")
    cuts = [("@".join(parts[:at]), "@".join(parts[at:])) for at in range(1, len(parts))]
    # Folders may have an @ in their names, too.
    base, adapter = next((cut for cut in cuts if Path(cut[0]).expanduser().is_file()), cuts[0])
    return Path(base).expanduser(), Path(adapter).expanduser()


def check(base: Path, adapter: Path | None) -> None:
    """Raises UserError where the files are none to serve, or xllamacpp is not installed."""
    for path in (base, adapter):
        if path is not None:
            _check_magic(path, "gguf:BASE.gguf@ADAPTER.gguf" if adapter else "gguf:PATH of a GGUF file")
    model = gguf_header.read(base)
    if model.kind == gguf_header.ADAPTER:
        raise UserError(f"{base} is an adapter and no model", f"give gguf:BASE.gguf@{base}")
    if adapter is not None:
        added = gguf_header.read(adapter)
        if added.kind != gguf_header.ADAPTER:
            raise UserError(f"{adapter} is no adapter", "codeopt train export --to gguf-adapter makes one")
        if added.architecture != model.architecture:
            raise UserError(f"{adapter} is an adapter of a {added.architecture} model, and {base} a {model.architecture} model", "name the model that it was trained on")
    if importlib.util.find_spec("xllamacpp") is None:
        raise UserError("gguf: models need xllamacpp", 'pip install "codeopt[local]"')


def _check_magic(path: Path, wanted: str) -> None:
    try:
        with open(path, "rb") as file:
            magic = file.read(len(gguf_header.MAGIC))
    except OSError as error:
        raise UserError(f"the model {path} cannot be read ({error.strerror})", f"give {wanted}") from None
    if magic != gguf_header.MAGIC:
        raise UserError(f"{path} is no GGUF file", f"give {wanted}")


def main() -> None:
    """The server's process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--adapter", default="")
    parser.add_argument("--parallel", type=int, required=True)
    parser.add_argument("--context", type=int, required=True)
    asked = parser.parse_args()
    voice = child.Voice()
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = asked.path
    if asked.adapter:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(asked.adapter, 1.0)]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = asked.parallel
    params.n_ctx = asked.context * asked.parallel
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = child.threads()
    params.warmup = False
    server = xllamacpp.Server(params)
    voice.ready(f"{server.listening_address}/v1")
    voice.wait()


if __name__ == "__main__":
    main()
