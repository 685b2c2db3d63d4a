"""`codeopt train export`: the weights that come out are those that were trained, and other programs load them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from codeopt.training.export import export_merged, read_run
from tests import tinymodel
from tests.commandline import codeopt, refused

for name in ("torch", "transformers", "peft"):
    pytest.importorskip(name, reason=f"{name} is not installed")
LIGHT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinymodel.make(tmp_path_factory.mktemp("tiny"))


def run_of(model: Path, folder: Path, kind: str = "lora") -> Path:
    """The folder of a training that has ended, with an adapter whose weights matter."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(2)
    base = AutoModelForCausalLM.from_pretrained(model)
    place = folder / ("model" if kind == "full" else "adapter")
    if kind == "full":
        for weight in base.parameters():
            weight.data += 0.02 * torch.randn_like(weight)
    else:
        config = peft.LoraConfig(r=6, lora_alpha=12, target_modules="all-linear", init_lora_weights=False, use_dora=kind == "dora")
        base = peft.get_peft_model(base, config)
        for name, weight in base.named_parameters():
            if "magnitude" in name:
                weight.data *= 1.1
    base.save_pretrained(place)
    AutoTokenizer.from_pretrained(model).save_pretrained(place)
    (folder / "settings.json").write_text(json.dumps({"trainer": "sft", "model": str(model), "data": "d", "out": "o", "adapter": kind}))
    return folder


def logits(model: Path, adapter: Path | None = None) -> Any:
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    found = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    if adapter is not None:
        found = peft.PeftModel.from_pretrained(found, adapter)
    with torch.inference_mode():
        return found.eval()(input_ids=torch.arange(2, 60)[None]).logits


@pytest.mark.parametrize(("kind", "dtypes"), [("lora", ("float32", "bfloat16")), ("dora", ("float32",)), ("full", ("float32",))])
def test_merged_weights_are_base_and_adapter(model: Path, tmp_path: Path, kind: str, dtypes: tuple[str, ...]) -> None:
    trained = read_run(run_of(model, tmp_path / "run", kind))
    wanted = logits(trained.folder) if kind == "full" else logits(model, trained.folder)
    assert float((wanted - logits(model)).abs().max()) > 0.5, "what was trained matters"
    for dtype in dtypes:
        told = export_merged(trained, tmp_path / dtype, dtype)
        moved = float((logits(tmp_path / dtype) - wanted).abs().max())
        most = 1e-4 if dtype == "float32" else 0.5
        assert moved < most and told < most and (told > 1e-3) == (dtype == "bfloat16")
        assert json.loads((tmp_path / dtype / "config.json").read_text())["dtype"] == dtype
    assert {path.name for path in tmp_path.iterdir()} == {"run", *dtypes}


def test_a_merged_export_answers_as_base_and_adapter(model: Path, tmp_path: Path) -> None:
    from codeopt.agent.models.chat import Request
    from codeopt.agent.models.hf import HfModel

    run = run_of(model, tmp_path / "run")
    done = codeopt("train", "export", run, "--to", "merged", "--out", "out", "--dtype", "float32", cwd=tmp_path, env=LIGHT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1] == f"codeopt alone: codeopt optimize FILE.py --model hf:{tmp_path / 'out'}"
    served = [shlex.split(line.partition(": ")[2]) for line in done.stdout.splitlines()[1:]]
    assert ["transformers", "serve", str(tmp_path / "out")] in served and ["vllm", "serve", str(tmp_path / "out"), "--served-model-name", "out"] in served
    asked = [Request("m", ({"role": "user", "content": "Hello " * count},), 24, 0.0, 0) for count in (1, 5)]
    answers = [[reply for _, reply in HfModel(name, dtype="float32").answers(asked)] for name in (str(tmp_path / "out"), f"{model}@{run / 'adapter'}")]
    assert answers[0] == answers[1]
    assert answers[0] != [reply for _, reply in HfModel(str(model), dtype="float32").answers(asked)]


def test_an_adapter_goes_to_a_server_of_many(model: Path, tmp_path: Path) -> None:
    run = run_of(model, tmp_path / "run")
    done = codeopt("train", "export", run, "--to", "adapter", "--out", "mine", cwd=tmp_path, env=LIGHT)
    assert done.returncode == 0, done.stderr
    words = next(shlex.split(line.partition(": ")[2]) for line in done.stdout.splitlines() if line.startswith("vLLM"))
    assert words[:3] == ["vllm", "serve", str(model)] and words[words.index("--max-lora-rank") + 1] == "8"
    assert words[words.index("--lora-modules") + 1] == f"mine={tmp_path / 'mine'}"
    assert json.loads((tmp_path / "mine/adapter_config.json").read_text())["base_model_name_or_path"] == str(model)
    assert bool((logits(model, tmp_path / "mine") == logits(model, run / "adapter")).all())
    dora = codeopt("train", "export", run_of(model, tmp_path / "dora", "dora"), "--to", "adapter", "--out", "other", cwd=tmp_path, env=LIGHT)
    assert dora.returncode == 0 and "vllm" not in dora.stdout and f"hf:{model}@{tmp_path / 'other'}" in dora.stdout


def test_bad_input_is_one_line(model: Path, tmp_path: Path) -> None:
    run = run_of(model, tmp_path / "run")
    (tmp_path / "stopped").mkdir()
    shutil.copy(run / "settings.json", tmp_path / "stopped")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/settings.json").write_text("{}")
    (tmp_path / "there").mkdir()
    (tmp_path / "there/file").write_text("x")
    whole = run_of(model, tmp_path / "whole", "full")
    cases: list[tuple[tuple[str | Path, ...], str]] = [
        (("nowhere", "--to", "merged", "--out", "out"), "holds no training .*--out folder of codeopt train"),
        (("odd", "--to", "merged", "--out", "out"), "no settings of a training"),
        (("stopped", "--to", "merged", "--out", "out"), "has not ended: codeopt train sft with --out stopped goes on"),
        ((run, "--to", "onnx", "--out", "out"), "--to onnx: .*one of merged, adapter"),
        ((run, "--to", "merged", "--out", "out", "--dtype", "int4"), "one of bfloat16"),
        ((run, "--to", "merged", "--out", "there"), "there exists: name another place"),
        ((run, "--to", "merged", "--out", "there/file/out"), "cannot be written"),
        ((run, "--to", "merged", "--out", "out", "--base", str(tmp_path / "no")), "no model"),
        ((whole, "--to", "adapter", "--out", "out"), "no adapter: say --to merged"),
    ]
    for words, says in cases:
        refused(codeopt("train", "export", *words, cwd=tmp_path, env=LIGHT), says)
    assert not (tmp_path / "out").exists()


def test_gguf_needs_a_checkout_of_llama_cpp(model: Path, tmp_path: Path) -> None:
    run, dora = run_of(model, tmp_path / "run"), run_of(model, tmp_path / "dora", "dora")
    whole = run_of(model, tmp_path / "whole", "full")
    for script in ("convert_hf_to_gguf.py", "convert_lora_to_gguf.py"):
        (tmp_path / script).write_text("import sys\nprint('INFO: begun', file=sys.stderr)\nimport no_such_package\n")
    here = ("--llama-cpp", str(tmp_path))
    cases: list[tuple[tuple[str | Path, ...], str]] = [
        ((run, "--to", "gguf", "--out", "out.gguf"), "made by llama.cpp's convert_hf_to_gguf.py: .*--llama-cpp or LLAMA_CPP"),
        ((run, "--to", "gguf-adapter", "--out", "out.gguf", "--llama-cpp", str(run)), "holds no convert_lora_to_gguf.py"),
        ((run, "--to", "gguf", "--out", "out", *here), "a file: name one that ends in .gguf"),
        ((run, "--to", "gguf", "--out", "out.gguf", "--type", "q3", *here), "one of f16, q8_0"),
        ((run, "--to", "gguf", "--out", "out.gguf", "--dtype", "float32", *here), "--dtype says nothing about --to gguf"),
        ((run, "--to", "merged", "--out", "out", *here), "--llama-cpp says nothing about --to merged"),
        ((dora, "--to", "gguf-adapter", "--out", "out.gguf", *here), "holds a DoRA adapter: say --to gguf"),
        ((whole, "--to", "gguf-adapter", "--out", "out.gguf", *here), "no adapter: say --to merged or --to gguf"),
        ((run, "--to", "gguf-adapter", "--out", "out.gguf", *here), "convert_lora_to_gguf.py needs no_such_package: pip install"),
    ]
    for words, says in cases:
        refused(codeopt("train", "export", *words, cwd=tmp_path, env={**LIGHT, "LLAMA_CPP": ""}), says)
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".gguf" or path.name.startswith(".")]


@pytest.mark.skipif(not os.environ.get("LLAMA_CPP"), reason="LLAMA_CPP does not name a checkout of llama.cpp")
@pytest.mark.skipif(not os.environ.get("CODEOPT_GGUF"), reason="CODEOPT_GGUF does not name a GGUF model")
def test_gguf_files_hold_what_was_trained_and_are_served(tmp_path: Path) -> None:
    import peft
    import torch
    from safetensors.torch import load_file

    from codeopt.agent.models.asker import opened
    from codeopt.agent.models.chat import Request
    from codeopt.training.weights import load

    gguf = pytest.importorskip("gguf", reason="gguf is not installed")
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
    base = str(Path(os.environ["CODEOPT_GGUF"]).expanduser())
    torch.manual_seed(0)
    trained, tokenizer = load(base)
    trained = peft.get_peft_model(trained, peft.LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    trained.save_pretrained(tmp_path / "run/adapter")
    tokenizer.save_pretrained(tmp_path / "run/adapter")
    (tmp_path / "run/settings.json").write_text(json.dumps({"trainer": "sft", "model": base, "data": "d", "out": "o"}))

    def export(form: str, out: str, *more: str) -> str:
        done = codeopt("train", "export", "run", "--to", form, "--out", out, "--json", *more, cwd=tmp_path, env=LIGHT, seconds=300)
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return str(shlex.split(told["commands"][0]["command"])[-1])

    def tensors(file: str) -> dict[str, Any]:
        return {one.name: torch.tensor(one.data) for one in gguf.GGUFReader(tmp_path / file).tensors}

    def answer(name: str) -> Any:
        with opened(name, "", parallel=1, context=512, batch=1, say=print) as askers:
            ((_, reply),) = askers[0].answers([Request("m", ({"role": "user", "content": "Count to ten."},), 16, 0.0, 0)])
        return reply

    name = export("gguf-adapter", "a.gguf", "--type", "f32")
    assert name == f"gguf:{base}@{tmp_path / 'a.gguf'}"
    kept, held = load_file(tmp_path / "run/adapter/adapter_model.safetensors"), tensors("a.gguf")
    for side in "AB":
        one = kept[f"base_model.model.model.layers.0.mlp.up_proj.lora_{side}.weight"]
        assert torch.equal(held[f"blk.0.ffn_up.weight.lora_{side.lower()}"], one)
    plain, adapted = answer(f"gguf:{base}"), answer(name)
    assert adapted.text != plain.text and adapted.tokens_in == plain.tokens_in

    pytest.importorskip("sentencepiece", reason="sentencepiece is not installed: llama.cpp's converter of whole models wants it")
    name = export("gguf", "m.gguf", "--type", "f32")
    export("merged", "merged", "--dtype", "float32")
    whole = load_file(tmp_path / "merged/model.safetensors")["model.layers.0.mlp.up_proj.weight"]
    assert torch.allclose(tensors("m.gguf")["blk.0.ffn_up.weight"], whole, atol=1e-5)
    merged, served = answer(f"hf:{tmp_path / 'merged'}"), answer(name)
    assert served.tokens_in == merged.tokens_in and served.text[:10] == merged.text[:10] != plain.text[:10]
