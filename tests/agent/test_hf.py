"""A model in this process: what it answers, what its answers depend on, and what a stranger gets wrong."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codeopt.agent.models import hf
from codeopt.agent.models.chat import Reply, Request
from codeopt.agent.models.hf import HfModel, RowSampler
from codeopt.errors import UserError
from tests import tinymodel

for name in ("torch", "transformers", "peft"):
    pytest.importorskip(name, reason=f"{name} is not installed")

QUESTIONS = ["Hello.", "Add two numbers, please.", "Say nothing at all; then say it again, more slowly.", "Why?"]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinymodel.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def adapter(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinymodel.adapt(folder, tmp_path_factory.mktemp("adapter"))


@pytest.fixture(scope="module")
def model(folder: Path) -> HfModel:
    return HfModel(str(folder), dtype="float32")


def requests(temperature: float = 0.8, top_p: float | None = None, max_tokens: int = 24, count: int = 16) -> list[Request]:
    return [
        Request("m", ({"role": "user", "content": QUESTIONS[seed % 4] + " again" * (seed // 4)},), max_tokens, temperature, seed, top_p)
        for seed in range(count)
    ]


def ask(model: HfModel, wanted: list[Request], batch: int) -> list[Reply]:
    model.batch = batch
    found = dict(model.answers(wanted))
    return [found[index] for index in range(len(wanted))]


@pytest.mark.parametrize(("temperature", "top_p"), [(0.0, None), (0.8, None), (1.0, 0.9)])
def test_an_answer_does_not_depend_on_its_batch(model: HfModel, temperature: float, top_p: float | None) -> None:
    wanted = requests(temperature, top_p)
    alone, together = ask(model, wanted, 1), ask(model, wanted, 16)
    assert ask(model, wanted, 16) == together
    # Batches of another shape round in another way, which may turn a near tie.
    assert sum(one == other for one, other in zip(alone, together)) >= 15
    assert len({reply.text for reply in together}) > 8


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_rows_that_have_ended_leave_their_batch(model: HfModel, monkeypatch: pytest.MonkeyPatch, temperature: float) -> None:
    wanted = [replace(one, max_tokens=3 + 5 * (seed % 5)) for seed, one in enumerate(requests(temperature, 0.95))]
    whole = ask(model, wanted, 16)
    rows: list[int] = []
    generate = model._model.generate
    monkeypatch.setattr(model._model, "generate", lambda **given: rows.append(len(given["input_ids"])) or generate(**given))
    monkeypatch.setattr(hf, "STRIDE", 4)
    parts = ask(model, wanted, 16)
    assert len(rows) == 6 and rows == sorted(rows, reverse=True) and rows[0] == 16 and rows[-1] <= 3
    # Fewer rows round in another way, which may turn a near tie.
    assert sum(one == other for one, other in zip(whole, parts)) >= 15
    assert [reply.tokens_out for reply in parts] == [reply.tokens_out for reply in whole] or temperature


def test_seeds_and_only_seeds_make_the_difference(model: HfModel) -> None:
    base = requests(count=1)[0]
    same = [Request("m", base.messages, 24, 0.8, seed) for seed in (3, 3, 4)]
    first, second, third = ask(model, same, 3)
    assert first == second != third
    greedy = [Request("m", base.messages, 24, 0.0, seed) for seed in (3, 4)]
    assert len({reply.text for reply in ask(model, greedy, 2)}) == 1


def test_samples_follow_the_distribution() -> None:
    import torch

    shares = torch.tensor([0.5, 0.3, 0.15, 0.05])
    rows = 4000
    for temperature, top_p, expected in (
        (1.0, None, shares),
        (0.5, None, shares**2 / (shares**2).sum()),
        (1.0, 0.75, torch.tensor([0.625, 0.375, 0.0, 0.0])),
        (1.0, 0.0, torch.tensor([1.0, 0.0, 0.0, 0.0])),
    ):
        sampler = RowSampler([Request("m", (), 1, temperature, seed, top_p) for seed in range(rows)], "cpu")
        drawn = sampler(torch.zeros(rows, 1), shares.log().expand(rows, 4)).argmax(-1)
        seen = torch.bincount(drawn, minlength=4) / rows
        # Four standard errors of a share.
        assert torch.all((seen - expected).abs() <= 4 * (expected * (1 - expected) / rows).sqrt() + 1e-9), (seen, expected)


def test_a_nucleus_of_any_size_is_kept() -> None:
    import torch

    rows, words = 6, 5000
    scores = torch.randn(rows, words, generator=torch.Generator().manual_seed(1))
    # One of a few tokens, some of thousands, all of them, and a greedy row among them.
    wanted = [(0.1, 0.9), (1.0, 0.3), (1.0, 0.95), (1.0, 1.0), (0.0, 0.95), (5.0, 0.5)]
    for seed in range(30):
        sampler = RowSampler([Request("m", (), 1, temperature, seed, top_p) for temperature, top_p in wanted], "cpu")
        drawn = sampler(torch.zeros(rows, 1), scores).argmax(-1).tolist()
        for row, (temperature, top_p) in enumerate(wanted):
            ordered = (scores[row] / (temperature or 1)).softmax(-1).sort(descending=True)
            count = 1 if temperature == 0 else int((ordered.values.cumsum(-1) - ordered.values < top_p + 1e-6).sum())
            assert drawn[row] in ordered.indices[: max(1, count)].tolist()
            alone = RowSampler([Request("m", (), 1, temperature, seed, top_p)], "cpu")
            assert alone(torch.zeros(1, 1), scores[row : row + 1]).argmax(-1).item() == drawn[row]


def greedily(folder: Path, request: Request) -> tuple[int, list[int], str]:
    """Tokens of the prompt, tokens of the answer and its text, by transformers' own greedy decoding of one row."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, plain = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template(list(request.messages), add_generation_prompt=True, return_tensors="pt", return_dict=True)
    width = prompt["input_ids"].shape[1]
    with torch.inference_mode():
        made = plain.generate(**prompt, max_new_tokens=request.max_tokens, do_sample=False)[0, width:].tolist()
    return width, made, tokenizer.decode(made, skip_special_tokens=True)


def test_greedy_rows_are_transformers_own_and_counts_are_exact(model: HfModel, folder: Path) -> None:
    wanted = requests(0.0, count=4)
    for request, reply in zip(wanted, ask(model, wanted, 4)):
        width, made, text = greedily(folder, request)
        assert (reply.text, reply.tokens_in, reply.tokens_out, reply.estimated) == (text, width, len(made), False)


def test_an_answer_stops_at_every_end_that_the_model_knows(folder: Path, tmp_path: Path) -> None:
    (request,) = requests(0.0, count=1)
    _, made, _ = greedily(folder, request)
    assert made.index(made[5]) == 5 and len(made) == request.max_tokens
    shutil.copytree(folder, tmp_path / "ends")
    config = json.loads((tmp_path / "ends/generation_config.json").read_text())
    (tmp_path / "ends/generation_config.json").write_text(json.dumps({**config, "eos_token_id": [1, made[5]]}))
    (short,) = ask(HfModel(str(tmp_path / "ends"), dtype="float32"), [request], 1)
    assert (short.finish, short.tokens_out) == ("stop", 6)


def test_a_prompt_without_a_template_is_sent_as_it_is(tmp_path: Path) -> None:
    plain = HfModel(str(tinymodel.make(tmp_path, template="")), dtype="float32")
    (reply,) = ask(plain, requests(0.0, count=1), 1)
    assert reply.tokens_in == len(plain._tokenizer(QUESTIONS[0])["input_ids"])


def test_an_adapter_changes_the_answers(folder: Path, adapter: Path, model: HfModel) -> None:
    adapted = HfModel(f"{folder}@{adapter}", dtype="float32")
    assert ask(adapted, requests(0.0), 8) != ask(model, requests(0.0), 8)
    assert adapted.parameters > model.parameters


def test_a_prompt_that_leaves_no_room_is_one_line(tmp_path: Path) -> None:
    small = HfModel(str(tinymodel.make(tmp_path, context=64)), dtype="float32")
    (reply,) = ask(small, [Request("m", ({"role": "user", "content": "Hello."},), 500, 0.0, 0)], 1)
    assert reply.tokens_in + reply.tokens_out <= 64
    with pytest.raises(UserError, match=r"the context of .* 64"):
        ask(small, [Request("m", ({"role": "user", "content": "Hello. " * 60},), 10, 0.0, 0)], 1)


def files(folder: Path, **held: str) -> str:
    folder.mkdir()
    for name, text in held.items():
        (folder / name.replace("__", ".")).write_text(text)
    return str(folder)


def test_what_is_no_model_is_one_line(folder: Path, adapter: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "torn")
    (tmp_path / "torn/model.safetensors").write_bytes(b"\x10" * 100)
    other = tinymodel.make(tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoConfig": "own.Config"}, "model_type": "own"}))
    (tmp_path / "wrong.gguf").write_bytes(b"GGUF" + bytes(60))
    wrong = shutil.copytree(adapter, tmp_path / "wrong")
    described = json.loads((wrong / "adapter_config.json").read_text())
    (wrong / "adapter_config.json").write_text(json.dumps({**described, "target_modules": ["nothing"]}))
    cases: dict[str, str] = {
        str(tmp_path / "nowhere"): "no model .* here",
        files(tmp_path / "empty"): "no config.json",
        str(adapter): "no config.json",
        files(tmp_path / "odd", config__json="{}"): "cannot be loaded",
        str(tmp_path / "torn"): "cannot be loaded",
        str(other): "code of its own",
        f"{folder}@{folder}": "no adapter_config.json",
        f"{folder}@{tmp_path}/nowhere": "no adapter .* here",
        f"{folder}@{wrong}": "belongs to the model",
    }
    if importlib.util.find_spec("gguf"):
        cases |= {"nowhere.gguf": "no model .* here", str(tmp_path / "wrong.gguf"): "cannot be loaded"}
    for name, words in cases.items():
        with pytest.raises(UserError, match=words) as told:
            HfModel(name)
        assert "\n" not in str(told.value), name


def test_batches_that_do_not_fit_become_smaller(folder: Path) -> None:
    """Under a real limit of the address space; in a process of its own, which the limit would otherwise stay with."""
    import subprocess
    import sys

    code = f"""
import resource, torch
torch.set_num_threads(1)
from codeopt.agent.models.hf import HfModel
from codeopt.agent.models.chat import Request
said = []
model = HfModel({str(folder)!r}, batch=64, say=said.append, dtype="float32")
ask = lambda words: [Request("m", ({{"role": "user", "content": "word " * words}},), 4, 0.8, seed) for seed in range(64)]
list(model.answers(ask(2)[:1]))
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (150 << 20),) * 2)
assert sorted(index for index, _ in model.answers(ask(400))) == list(range(64))
assert said and model.batch < 64, said
print(model.batch, said)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_real_model_repeats_itself_in_other_batches() -> None:
    pytest.importorskip("gguf", reason="gguf is not installed")
    path = Path(os.environ.get("CODEOPT_MODELS", "~/.cache/codeopt/models")).expanduser() / "smollm2-135m.gguf"
    if not path.is_file():
        pytest.skip(f"no {path}: a real model is not fetched by the tests")
    model = HfModel(str(path), dtype="float32")
    wanted: list[Any] = requests(0.8, 0.95, max_tokens=16, count=8)
    together = ask(model, wanted, 8)
    assert sum(one == other for one, other in zip(ask(model, wanted[::-1], 3)[::-1], together)) >= 7
    assert ask(model, wanted, 8) == together
