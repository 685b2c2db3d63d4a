"""`codeopt train export`: the weights that come out are those that were trained, and other programs load them."""

from __future__ import annotations

import json
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
