"""A GGUF model with an adapter on it: what goes together, and what it answers (CODEOPT_GGUF names a real model)."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

from codeopt.agent.models import gguf, gguf_header
from codeopt.agent.models.asker import opened
from codeopt.agent.models.chat import Request
from codeopt.errors import UserError

pytest.importorskip("gguf", reason="gguf is not installed")


def adapter_of(model: Path, out: Path, size: float) -> Path:
    """A LoRA adapter of a model's value projections, rank 2, its weights random and of that size."""
    import gguf as format_
    import numpy as np

    draw = np.random.default_rng(0)
    writer = format_.GGUFWriter(out, gguf_header.read(model).architecture)
    writer.add_type(format_.GGUFType.ADAPTER)
    writer.add_string(format_.Keys.Adapter.TYPE, "lora")
    writer.add_float32(format_.Keys.Adapter.LORA_ALPHA, 2.0)
    for tensor in format_.GGUFReader(model).tensors:
        if tensor.name.endswith("attn_v.weight"):
            columns, rows = map(int, tensor.shape)
            writer.add_tensor(f"{tensor.name}.lora_a", draw.normal(size=(2, columns)).astype("float32"))
            writer.add_tensor(f"{tensor.name}.lora_b", (size * draw.normal(size=(rows, 2))).astype("float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def header(path: Path, kind: str, architecture: str) -> Path:
    """A GGUF file of which only the header is there."""
    import gguf as format_

    writer = format_.GGUFWriter(path, architecture)
    writer.add_type(kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_a_path_that_exists_is_no_pair(tmp_path: Path) -> None:
    (tmp_path / "a@b").mkdir()
    for name in ("a@b/m.gguf", "m@n.gguf", "x.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    at = str(tmp_path)
    assert gguf.split(f"{at}/m@n.gguf") == (tmp_path / "m@n.gguf", None)
    assert gguf.split(f"{at}/a@b/m.gguf") == (tmp_path / "a@b/m.gguf", None)
    assert gguf.split(f"{at}/a@b/m.gguf@{at}/x.gguf") == (tmp_path / "a@b/m.gguf", tmp_path / "x.gguf")
    assert gguf.split(f"{at}/x.gguf@{at}/m@n.gguf") == (tmp_path / "x.gguf", tmp_path / "m@n.gguf")
    assert gguf.split(f"{at}/nowhere.gguf@x.gguf") == (tmp_path / "nowhere.gguf", Path("x.gguf"))


def test_what_does_not_go_together_is_one_line(tmp_path: Path) -> None:
    model, added = header(tmp_path / "m.gguf", "model", "llama"), header(tmp_path / "a.gguf", "adapter", "llama")
    other = header(tmp_path / "o.gguf", "adapter", "qwen2")
    assert gguf_header.read(added) == gguf_header.Header(0, "", "adapter", "llama")
    cases = {
        (tmp_path / "no.gguf", None): "no.gguf cannot be read .*gguf:PATH",
        (model, tmp_path / "no.gguf"): "no.gguf cannot be read .*gguf:BASE.gguf@ADAPTER.gguf",
        (added, None): "a.gguf is an adapter and no model: give gguf:BASE.gguf@",
        (added, added): "a.gguf is an adapter and no model",
        (model, model): "m.gguf is no adapter: codeopt train export",
        (model, other): "an adapter of a qwen2 model, and .* a llama model",
    }
    for (base, adapter), says in cases.items():
        with pytest.raises(UserError, match=says) as told:
            gguf.check(base, adapter)
        assert "\n" not in str(told.value)


@pytest.mark.alone
@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="xllamacpp is not installed")
@pytest.mark.skipif(not os.environ.get("CODEOPT_GGUF"), reason="CODEOPT_GGUF does not name a GGUF model")
def test_an_adapter_changes_the_answers(tmp_path: Path) -> None:
    model = Path(os.environ["CODEOPT_GGUF"]).expanduser()

    def greedy(name: str) -> str:
        with opened(f"gguf:{name}", "", parallel=1, context=512, batch=0, say=print) as askers:
            request = Request("m", ({"role": "user", "content": "Count to ten."},), 24, 0.0, 0)
            ((_, reply),) = askers[0].answers([request])
        assert reply.tokens_out > 0 and not reply.estimated
        return reply.text

    plain = greedy(str(model))
    assert greedy(f"{model}@{adapter_of(model, tmp_path / 'nothing.gguf', 0.0)}") == plain
    assert greedy(f"{model}@{adapter_of(model, tmp_path / 'much.gguf', 0.3)}") != plain
    # Shapes of another model: llama.cpp's own word.
    header(tmp_path / "empty.gguf", "adapter", gguf_header.read(model).architecture)
    with pytest.raises(UserError, match=r"does not start: .*") as told:
        greedy(f"{model}@{tmp_path / 'empty.gguf'}")
    assert "\n" not in str(told.value)
    assert not subprocess.run(["pgrep", "-f", "codeopt.agent.models.gguf"], capture_output=True).stdout
