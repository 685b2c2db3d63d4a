"""`codeopt models`: what is here, whether one answers, and fetching from a hub, which here is a real local server."""

from __future__ import annotations

import importlib.util
import json
import struct
import subprocess
from pathlib import Path

import pytest

from tests import hubserver, tinymodel
from tests.commandline import codeopt, refused
from tests.servers import Step, closed_port, serve

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
TRANSFORMERS = all(importlib.util.find_spec(name) for name in ("torch", "transformers", "peft"))
LIGHT = {"OMP_NUM_THREADS": "1"}


def gguf_file(tensors: dict[str, tuple[int, ...]], file_type: int, kind: str = "model") -> bytes:
    """A GGUF header with a list of texts in it, as tokenizers have, and no weights behind it."""

    def text(word: str) -> bytes:
        return struct.pack("<Q", len(word)) + word.encode()

    pairs = [
        text("general.name") + struct.pack("<I", 8) + text("small"),
        text("general.type") + struct.pack("<I", 8) + text(kind),
        text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 3) + b"".join(map(text, ("a", "bc", ""))),
        text("tokenizer.ggml.scores") + struct.pack("<IIQ", 9, 6, 2) + struct.pack("<2f", 1, 2),
        text("general.file_type") + struct.pack("<II", 4, file_type),
    ]
    listed = [
        text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + struct.pack("<IQ", 0, 0) for name, shape in tensors.items()
    ]
    return b"GGUF" + struct.pack("<IQQ", 3, len(listed), len(pairs)) + b"".join(pairs + listed)


def safetensors_file(shape: tuple[int, ...]) -> bytes:
    header = json.dumps({"__metadata__": {"format": "pt"}, "weight": {"dtype": "BF16", "shape": shape, "data_offsets": [0, 0]}}).encode()
    return struct.pack("<Q", len(header)) + header


PLAIN = {"config.json": b"{}", "model.safetensors": safetensors_file((30, 7)), "pytorch_model.bin": bytes(500), "README.md": b"# It"}
QUANTISED = {"m-Q4_K_M.gguf": gguf_file({"a": (10, 20), "b": (5,)}, 15), "m-Q8_0.gguf": gguf_file({"a": (10, 20)}, 7), "README.md": b""}
MODELS = {"org/plain": PLAIN, "org/quantised": QUANTISED}


def models(folder: Path, *words: str, hub: str = "http://127.0.0.1:9", **more: str) -> subprocess.CompletedProcess[str]:
    env = {"CODEOPT_MODELS": str(folder / "models"), "HF_HOME": str(folder / "home"), "HF_ENDPOINT": hub, **LIGHT, **more}
    return codeopt("models", *words, cwd=folder, env=env)


def test_a_model_is_pulled_listed_and_not_fetched_twice(tmp_path: Path) -> None:
    with hubserver.serve(MODELS) as hub:
        done = models(tmp_path, "pull", "org/plain", hub=hub.url, HF_TOKEN="hf_secret")
        assert done.returncode == 0, done.stderr
        target = tmp_path / "models/org/plain"
        assert "licence: apache-2.0" in done.stdout and f"hf:{target}" in done.stdout
        assert {path.name: path.read_bytes() for path in target.iterdir() if path.is_file()} == {
            name: data for name, data in PLAIN.items() if name != "pytorch_model.bin"
        }
        assert "Bearer hf_secret" in hub.tokens
        begun = len(hub.fetched)
        assert models(tmp_path, "pull", "org/plain", hub=hub.url).returncode == 0 and len(hub.fetched) == begun
        done = models(tmp_path, "pull", "org/quantised", "--file", "*Q4_K_M.gguf", hub=hub.url)
        assert done.returncode == 0 and f"gguf:{tmp_path}/models/org/quantised/m-Q4_K_M.gguf" in done.stdout, done.stderr
    listed = json.loads(models(tmp_path, "list", "--json").stdout)["local"]
    assert [(one["model"], one["kind"], one["parameters"], one["precision"]) for one in listed] == [
        (f"gguf:{tmp_path}/models/org/quantised/m-Q4_K_M.gguf", "GGUF", 205, "Q4_K_M"),
        (f"hf:{target}", "transformers", 210, "BF16"),
    ]
    assert str(target) in models(tmp_path, "list", COLUMNS="40").stdout


def test_a_gguf_adapter_is_listed_as_one(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/a.gguf").write_bytes(gguf_file({"blk.0.attn_v.weight.lora_a": (10, 2)}, 1, "adapter"))
    (one,) = json.loads(models(tmp_path, "list", "--json").stdout)["local"]
    assert (one["model"], one["kind"], one["parameters"]) == (f"gguf:MODEL@{tmp_path}/models/a.gguf", "GGUF adapter", 20)


def test_what_was_broken_off_goes_on(tmp_path: Path) -> None:
    weights = bytes(range(256)) * 200_000
    with hubserver.serve({"org/big": {"config.json": b"{}", "model.safetensors": weights}}) as hub:
        hub.breaks["model.safetensors"] = 30_000_000
        for _ in range(2):
            done = models(tmp_path, "pull", "org/big", hub=hub.url)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "models/org/big/model.safetensors").read_bytes() == weights
        begun = [first for file, first in hub.fetched if file == "model.safetensors"]
        assert len(begun) == 2 and begun[0] == 0 and begun[1] > 0, begun


def test_what_the_hub_cannot_give_is_one_line(tmp_path: Path) -> None:
    with hubserver.serve({**MODELS, "org/closed": PLAIN}) as hub:
        hub.gated.add("org/closed")
        refused(models(tmp_path, "pull", "org/nothing", hub=hub.url), "the hub has no model org/nothing .*HF_TOKEN")
        refused(models(tmp_path, "pull", "a b", hub=hub.url), "is no name of a model")
        refused(models(tmp_path, "pull", "org/quantised", hub=hub.url), "2 GGUF files: choose with --file: m-Q4_K_M.gguf, m-Q8_0.gguf")
        refused(models(tmp_path, "pull", "org/plain", "--file", "*.gguf", hub=hub.url), "no file .*it has .*model.safetensors")
        closed = models(tmp_path, "pull", "org/closed", hub=hub.url)
        assert closed.returncode == 2 and "ask for access" in closed.stderr.splitlines()[-1], closed.stderr
    refused(models(tmp_path, "pull", "org/plain", hub=f"http://127.0.0.1:{closed_port()}"), "the hub .* cannot be reached.*HF_ENDPOINT")


def test_an_empty_machine_says_what_to_do(tmp_path: Path) -> None:
    assert "codeopt models pull" in models(tmp_path, "list").stdout
    (tmp_path / "models").mkdir()
    (tmp_path / "models/torn.gguf").write_bytes(QUANTISED["m-Q8_0.gguf"][:60])
    (one,) = json.loads(models(tmp_path, "list", "--json").stdout)["local"]
    assert one["parameters"] == 0 and one["precision"] == ""


def test_what_a_server_offers(tmp_path: Path) -> None:
    with serve(Step("x"), models=("small", "large")) as server:
        done = models(tmp_path, "list", "--base-url", server.url, "--json")
        assert json.loads(done.stdout)["served"] == ["small", "large"], done.stderr
    with serve(Step("x")) as server:
        assert "lists no models" in models(tmp_path, "list", "--base-url", server.url).stdout
    refused(models(tmp_path, "list", "--base-url", f"http://127.0.0.1:{closed_port()}/v1"), "cannot be reached")


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (Step('{"colour": "blue", "is_warm": false}'), "obeyed"),
        (Step('{"colour": "blue"}'), "ignored"),
        (Step("It is blue."), "ignored"),
        (Step('{"colour": "bl', finish="length"), "undecided"),
        (Step(status=400, error="no response_format here"), "refused"),
    ],
)
def test_a_server_is_checked(tmp_path: Path, second: Step, words: str) -> None:
    with serve(Step("def f(xs):\n    return 1", usage=(20, 10)), second) as server:
        done = models(tmp_path, "check", "m", "--base-url", server.url)
    assert done.returncode == 0 and "def f(xs):" in done.stdout and "20 in, 10 out (stop)" in done.stdout, done.stderr
    assert words in done.stdout and server.requests[1]["response_format"]["type"] == "json_schema"


def test_a_model_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    with serve(Step("")) as server:
        refused(models(tmp_path, "check", "m", "--base-url", server.url), "no text")
    with serve(Step(status=404, error="no such model")) as server:
        refused(models(tmp_path, "check", "m", "--base-url", server.url), "404")
    refused(models(tmp_path, "check", "gguf:nowhere.gguf"), "nowhere.gguf")


@pytest.mark.skipif(TRANSFORMERS, reason="torch and transformers are installed")
def test_without_transformers_it_says_what_to_install(tmp_path: Path) -> None:
    refused(models(tmp_path, "check", "hf:org/plain"), r'need .*pip install "codeopt\[train\]"')


@pytest.mark.skipif(not TRANSFORMERS, reason="torch, transformers or peft is not installed")
def test_a_model_of_the_hub_is_checked_and_then_needs_no_hub(tmp_path: Path) -> None:
    tinymodel.adapt(tinymodel.make(tmp_path / "tiny"), tmp_path / "adapter")
    held = {f"org/{folder}": {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()} for folder in ("tiny", "adapter")}
    with hubserver.serve(held) as hub:
        refused(models(tmp_path, "check", "hf:org/nothing", hub=hub.url), "the hub has no model org/nothing")
        refused(models(tmp_path, "check", "hf:org/tiny@org/nothing", hub=hub.url), "the hub has no model org/nothing")
        refused(models(tmp_path, "check", "hf:org/adapter", hub=hub.url), "org/adapter on the hub has no config.json")
        done = models(tmp_path, "check", "hf:org/tiny@org/adapter", hub=hub.url)
        assert done.returncode == 0 and "64 out (length)" in done.stdout, done.stderr
    assert models(tmp_path, "check", "hf:org/tiny").returncode == 0
    listed = json.loads(models(tmp_path, "list", "--json").stdout)["local"]
    assert {one["model"]: one["kind"] for one in listed} == {
        "hf:org/tiny": "transformers", f"hf:{tmp_path / 'tiny'}@org/adapter": "adapter",
    }  # fmt: skip
    refused(models(tmp_path, "check", "hf:org/elsewhere"), "is not here, and the hub .* cannot be reached")
