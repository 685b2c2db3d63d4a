"""`codeopt data anonymise` and `codeopt data perplexity`, as a person runs them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeopt.columns import schema_of
from codeopt.datasets.anonymise import named
from codeopt.datasets.perplexity import Figures, Report, Summary, measured, quantile, texts_of
from codeopt.datasets.records import Pair
from codeopt.datasets.rewrite import write_unit
from codeopt.datasets.store import Dataset, Manifest, finish
from tests import tinymodel
from tests.commandline import FAST_DEDUPE, SLOW_DEDUPE, codeopt, refused

SLOW = "def total_{n}(values):\n    result = 0  # nothing yet\n    for value in values:\n        result += value * {n}\n    return result\n"
FAST = "def total_{n}(values):\n    result = sum(values)\n    return {n} * result\n"


def made(folder: Path, count: int = 6) -> Path:
    """A dataset of verified pairs, and one that is only claimed."""
    rows = [
        Pair(
            id=f"{n:016x}", problem_id=f"p{n}", language="python", function=f"total_{n}", input=SLOW.format(n=n), target=FAST.format(n=n),
            speedup=2.0, low=1.5, high=2.5, proof="claimed" if n == 0 else "holdout", origin="rule",
        ).model_dump(mode="python")
        for n in range(count)
    ]  # fmt: skip
    assert schema_of(Pair).names == list(rows[0])
    split = {row["problem_id"]: "test" if number == 1 else "train" for number, row in enumerate(rows)}
    for number in (0, 1):
        write_unit(folder, number, {"pairs": rows[number::2]}, split, False)
    finish(folder, Manifest())
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    pytest.importorskip("transformers")
    yield tinymodel.make(tmp_path_factory.mktemp("model"), context=256)


def test_a_programs_view_and_its_way_back(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW_DEDUPE + "# é\n")
    done = codeopt("data", "anonymise", "slow.py", "--table", "t.json", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("def func_0(var_0: list[int]) -> list[int]:\n    var_1 = []\n"), done
    (tmp_path / "view.py").write_bytes(done.stdout.encode())
    back = codeopt("data", "anonymise", "view.py", "--restore", "t.json", cwd=tmp_path)
    assert back.stdout == (tmp_path / "slow.py").read_text() and back.returncode == 0
    seeded = [codeopt("data", "anonymise", "slow.py", "--seed", seed, cwd=tmp_path).stdout for seed in ("1", "2")]
    assert seeded[0] != seeded[1] and len(seeded[0].splitlines()) == len(done.stdout.splitlines())


def test_anonymise_refuses_bad_input(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b.py").write_bytes(b"x = '\xff'\n")
    refused(codeopt("data", "anonymise", "a.txt", cwd=tmp_path), "says no language: name it with --language")
    refused(codeopt("data", "anonymise", "a.txt", "--language", "ada", cwd=tmp_path), "no anonymised view of ada")
    refused(codeopt("data", "anonymise", "b.py", cwd=tmp_path), "not UTF-8")
    refused(codeopt("data", "anonymise", "none.py", cwd=tmp_path), "no file none.py")
    refused(codeopt("data", "anonymise", "a.txt", "--restore", "a.txt", cwd=tmp_path), "no table of a view")
    refused(codeopt("data", "anonymise", "a.txt", "--restore", "a.txt", "--seed", "1", cwd=tmp_path), "leave out --language")
    refused(codeopt("data", "anonymise", "a.txt", "--language", "c", "--table", "none/t", cwd=tmp_path), "no such folder")
    refused(codeopt("data", "anonymise", ".", "--out", "new", cwd=tmp_path), "no dataset.json")
    refused(codeopt("data", "anonymise", ".", cwd=tmp_path), "is a folder: name the new dataset's with --out")


def test_a_dataset_gains_examples_without_names(tmp_path: Path) -> None:
    import datasets

    made(tmp_path / "data")
    done = codeopt("data", "anonymise", "data", "--out", "new", "--seed", "5", cwd=tmp_path)
    assert done.returncode == 0 and "5 examples without names" in done.stdout, done
    assert not (tmp_path / "new.part").exists() and "sft_anonymised" in (tmp_path / "new" / "README.md").read_text()
    new, old = Dataset(tmp_path / "new"), Dataset(tmp_path / "data")
    assert new.count("pairs") == old.count("pairs") == 6 and list(new.rows("sft")) == list(old.rows("sft"))
    loaded = datasets.load_dataset(str(tmp_path / "new"), "sft_anonymised", cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 4, "test": 1}
    plain = {row["problem_id"]: row for row in old.rows("sft")}
    drawn = set()
    for row in (*loaded["train"], *loaded["test"]):
        names = json.loads(row["names"])
        number = row["problem_id"][1:]
        placeholder = next(key for key, name in names.items() if name == f"total_{number}")
        drawn.add(placeholder)
        assert f"function `{placeholder}`" in row["prompt"] and f"def {placeholder}(" in row["prompt"] and f"def {placeholder}(" in row["completion"]
        assert "total" not in row["prompt"] + row["completion"] and "nothing yet" not in row["prompt"]
        assert named(row["completion"], names) == plain[row["problem_id"]]["completion"]
        assert named(row["prompt"], names) == plain[row["problem_id"]]["prompt"].replace("  # nothing yet", "")
    assert len(drawn) > 1  # each pair draws its own


def test_figures_are_nats_over_bytes() -> None:
    one = Figures(nats=8 * math.log(2), tokens=2, bytes=4)
    assert one.bits_per_byte == pytest.approx(2.0) and one.byte_perplexity == pytest.approx(4.0) and one.token_perplexity == pytest.approx(16.0)
    assert Figures(0.0, 0, 0).row()["bits_per_byte"] == 0.0
    both = Summary()
    both.add({"x": one})
    both.add({"x": Figures(nats=0.0, tokens=1, bytes=12)})
    row = both.rows()["x"]
    assert row["texts"] == 2 and row["bits_per_byte"] == pytest.approx(0.5) and row["p50"] == 0.0 and row["p90"] == pytest.approx(2.0)
    assert [quantile([3.0, 1.0, 2.0, 4.0], share) for share in (0.0, 0.25, 0.5, 0.51, 1.0)] == [1.0, 1.0, 2.0, 3.0, 4.0]


def test_likelihoods_are_the_models_own_whatever_the_batch(model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from codeopt.agent.models.hf import HfModel

    texts = [("", SLOW_DEDUPE), ("Say:\n", "é = 1"), (SLOW_DEDUPE, FAST_DEDUPE), ("x", ""), ("", "if x:\n    pass\n" * 40), (SLOW_DEDUPE * 9, "y = 2\n")]
    found = HfModel(str(model), batch=4, dtype="float32").likelihoods(texts)
    alone = [HfModel(str(model), batch=1, dtype="float32").likelihoods([one])[0] for one in texts]
    raw, tokenizer = AutoModelForCausalLM.from_pretrained(model), AutoTokenizer.from_pretrained(model)
    for number, ((prompt, text), (nats, tokens), (other, _)) in enumerate(zip(texts, found, alone)):
        before = [0, *tokenizer(prompt, add_special_tokens=False)["input_ids"]]
        after = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokens == len(after) and nats == pytest.approx(other, abs=1e-3)
        ids = before + after
        if len(ids) <= 256:
            with torch.inference_mode():
                logs = raw(torch.tensor([ids])).logits[0].float().log_softmax(-1)
            expected = -sum(float(logs[at - 1, ids[at]]) for at in range(len(before), len(ids)))
            assert nats == pytest.approx(expected, abs=1e-3)
        else:
            assert number >= 4 and 0 < nats < 20 * tokens  # in windows


def test_a_pair_is_read_after_its_prompt_and_alone() -> None:
    pair = {"language": "python", "function": "f", "input": "\nslow\n", "target": "fast\n"}
    seen: list[tuple[str, str]] = []

    def likelihoods(texts: list[tuple[str, str]]) -> list[tuple[float, int]]:
        seen.extend(texts)
        return [(float(len(text)), 1) for _, text in texts]

    ((name, found),) = measured([("a", texts_of(pair))], likelihoods)  # type: ignore[arg-type]
    assert name == "a" and {key: one.nats for key, one in found.items()} == {"target_given_prompt": 4.0, "target": 4.0, "input": 4.0}
    assert seen[0][0].endswith("slow\n```\n\n```python\n") and seen[1:] == [("", "fast"), ("", "slow")]


def test_a_report_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Report(tmp_path / "r.jsonl") as report:
        report.add("a", {"x": Figures(1.0, 1, 1)})
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_perplexity_of_a_dataset_and_what_is_kept(tmp_path: Path, model: Path) -> None:
    made(tmp_path / "data")
    words = ("data", "perplexity", "data", "--model", f"hf:{model}", "--report", "r.jsonl", "--keep-below", "0.5", "--out", "new", "--json")
    done = codeopt(*words, cwd=tmp_path)
    assert done.returncode == 0, done
    told = json.loads(done.stdout)
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert len(rows) == 6 and {"id", "target_given_prompt", "target", "input"} == set(rows[0])
    assert told["figures"]["target"]["texts"] == 6 and told["kept"]["after"] == 3
    ranked = sorted(rows, key=lambda row: row["target_given_prompt"]["bits_per_byte"])
    new = Dataset(tmp_path / "new")
    assert {row["id"] for row in new.rows("pairs")} == {row["id"] for row in ranked[:3]}
    assert new.manifest.filters[-1].name == "perplexity" and (new.manifest.filters[-1].before, new.manifest.filters[-1].after) == (6, 3)


def test_perplexity_of_programs_and_what_it_refuses(tmp_path: Path, model: Path) -> None:
    (tmp_path / "a.py").write_text(SLOW_DEDUPE)
    (tmp_path / "b.cpp").write_text("int main() {}\n")
    done = codeopt("data", "perplexity", "a.py", "b.cpp", "--model", f"hf:{model}", cwd=tmp_path)
    assert done.returncode == 0 and "program" in done.stdout and "bits_per_byte" in done.stdout, done
    name = ("--model", f"hf:{model}")
    refused(codeopt("data", "perplexity", "c.py", *name, cwd=tmp_path), "no file c.py")
    refused(codeopt("data", "perplexity", "a.py", *name, "--keep-below", "0.5", "--out", "n", cwd=tmp_path), "filter a dataset")
    refused(codeopt("data", "perplexity", "a.py", "--model", "gguf:x", cwd=tmp_path), "give hf:NAME_OR_DIR")
    refused(codeopt("data", "perplexity", "a.py", *name, "--report", "none/r.jsonl", cwd=tmp_path), "no such folder")
