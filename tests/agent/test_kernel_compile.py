"""torch.compile, memory formats, CUDA graphs and library calls as candidates, held against the reference by the judge."""

from __future__ import annotations

import ast
import importlib.util
import json
import math
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from codeopt.agent.kernels.calls import calls
from codeopt.agent.kernels.compiled import KernelCompile
from codeopt.agent.kernels.graph import Graph, Unsupported, read
from codeopt.agent.kernels.label import label
from codeopt.agent.kernels.layers import Stack, images
from codeopt.agent.kernels.rewritten import rewritten
from codeopt.agent.kernels.shop import KernelShop
from codeopt.agent.kernels.verify import Examiner
from codeopt.agent.proposers.base import ProposeContext, usual
from codeopt.agent.tasks.kernel import CANDIDATE, read_kernel
from codeopt.sandbox.interpreter import find_interpreter
from codeopt.sandbox.kernels import device, judge
from codeopt.sandbox.kernels.session import KernelSession, Side
from codeopt.sandbox.kernels.subject import KernelSubject
from codeopt.sandbox.process import ProcessSandbox
from codeopt.trace import Note, TraceWriter, read_trace
from codeopt.types import Candidate, ProfileRow, Proposal
from tests.commandline import codeopt, refused

from . import kernel_modules as modules
from .kernel_modules import module
from .test_kernel_rules import Bench

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch")
needs_cuda = pytest.mark.skipif(not device.has_gpu(), reason="CUDA graphs are recorded on a GPU, and there is none here")
IMAGES = module(
    "return self.l(x) + y, F.relu(self.l(x)).mean((2, 3))",
    "x=(B, 3, S, S); y=(B, 1, 1, 1)",
    "self.l = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1))",
    "B=2, S=12",
    "B=3, S=9",
)
E4M3 = "x=torch.randn(R, 64).to(torch.float8_e4m3fn); y=torch.randn(48, 64).to(torch.float8_e4m3fn)"
CODES = "x=torch.randint(-9, 9, (R, 64), dtype=torch.int8); y=torch.randint(-9, 9, (40, 64), dtype=torch.int8)"
FEW = {"sizes": "R=33", "other": "R=70"}
EIGHT_BITS = {
    "_scaled_mm with a scale for each row and column": module(
        "return ((x.to(torch.bfloat16) @ y.to(torch.bfloat16).t()) * a[:, None] * s).to(torch.bfloat16)", f"{E4M3}; a=torch.rand(R); s=torch.rand(48)", **FEW
    ),
    "_scaled_mm": module("return F.relu(x.float() @ y.float().t())", E4M3, **FEW),
    "_int_mm": module("return F.linear(x.float(), y.float()) * a", f"{CODES}; a=(R, 1)", **FEW),
}
ATTENTION = """import torch

batch, heads, length, dim = 2, 4, 256, 64
SHAPES = [{"batch": 2}, {"batch": 3, "length": 200}]
HELD_OUT = [{"batch": 1, "length": 300}]


class Model(torch.nn.Module):
    @torch.compiler.disable  # a C++ compiler takes half a minute for it
    def forward(self, q, k, v):
        scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
        later = torch.ones(q.shape[-2], q.shape[-2], dtype=torch.bool).triu(1)
        return torch.softmax(scores.masked_fill(later, float("-inf")), dim=-1) @ v


def get_inputs():
    return [torch.randn(batch, heads, length, dim) for _ in range(3)]


def get_init_inputs():
    return []
"""


class Plain(Bench):
    """One process for all references, and one for all candidates; they need no Triton."""

    def __init__(self, on: str = "cpu") -> None:
        self.sandbox = ProcessSandbox()
        interpreter = find_interpreter(None)
        self.runtime = device.runtime(interpreter.path, interpreter.mounts, on, ())
        self.reference = KernelSubject(self.sandbox, self.runtime, Side(), (), on)
        self.candidate = KernelSubject(self.sandbox, self.runtime, Side("import torch", CANDIDATE), (), on)

    def graph(self, source: str) -> Graph:
        """The graph of a reference as it is written."""
        text = read_kernel(Path("module.py"), source).shapes[0].whole
        session = self.reference.session()
        assert isinstance(session, KernelSession)
        session.build(text, 60)
        return read(session.graph(text, 60))


@pytest.fixture(scope="module")
def bench() -> Iterator[Plain]:
    made = Plain()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "MOST", 1)  # nothing is timed here
        yield made
    made.close()


# --- library calls -------------------------------------------------------------------------------------------


@needs_torch
def test_attention_that_is_written_out_becomes_the_librarys(bench: Plain) -> None:
    left = {"own", "other_rows", "half"}  # they call it already
    for name, source in modules.ATTENTIONS.items():
        graph = bench.graph(source)
        found = calls(graph)
        assert bool(found) == (name not in left), name
        if found:
            text = Stack(source).library([rewritten(graph, found)], "it").source()
            assert bench.wrong(source, text) == [], (name, text)
            assert ("is_causal=True" in text) == name.startswith("causal"), name
            assert "softmax" not in text[text.index("class ModelNew") :], f"{name}: the scores are still made"


@needs_torch
@pytest.mark.parametrize(
    "forward",
    [
        "s = q @ k.transpose(-2, -1); return torch.softmax(s, 2) @ v",  # over the queries
        "s = torch.softmax(q @ k.transpose(-2, -1), -1); return s @ v, s",  # the weights are answered, too
        "s = q @ k.transpose(-2, -1); return torch.softmax(s, -1) @ v + s.mean()",
        "s = torch.tanh(q @ k.transpose(-2, -1)); return torch.softmax(s, -1) @ v",
        "s = (q @ k.transpose(-2, -1)).masked_fill(q[..., :1] > 0, -1.0) * 2; return torch.softmax(s, -1) @ v",
        "return F.dropout(torch.softmax(q @ k.transpose(-2, -1), -1), 0.5, True) @ v",
    ],
)
def test_what_only_looks_like_attention_is_left_alone(bench: Plain, forward: str) -> None:
    assert calls(bench.graph(module(forward, modules.QKV, **modules.BATCH))) == {}


@needs_torch
def test_products_of_eight_bits(bench: Plain) -> None:
    for what, source in EIGHT_BITS.items():
        graph = bench.graph(source)
        found = calls(graph)
        assert [call.what for call in found.values()] == [what]
        text = Stack(source).library([rewritten(graph, found)], what).source()
        assert bench.wrong(source, text) == [], text
    wide = module("return x.float() @ y.float().t()", "x=(R, 64); y=torch.randint(-9, 9, (40, 64), dtype=torch.int8)", **FEW)
    assert calls(bench.graph(wide)) == {}, "only one side has 8 bits"


@needs_torch
def test_a_call_of_other_types_goes_the_way_the_module_was_written(bench: Plain) -> None:
    source = modules.ATTENTIONS["written"]
    graph = bench.graph(source)
    text = Stack(source).library([rewritten(graph, calls(graph))], "it").source()
    other = source.replace("torch.float32", "torch.float64")
    assert other != source and bench.wrong(other, text, fall_back=True) == []
    assert "fell back" in bench.wrong(other, text)[0]


@needs_torch
def test_changes_in_place_are_not_written_down_again(bench: Plain) -> None:
    source = module("s = torch.softmax(q @ k.transpose(-2, -1), -1) @ v; q += 1; return s", modules.QKV, **modules.BATCH)
    graph = bench.graph(source)
    with pytest.raises(Unsupported, match="changes a tensor"):
        rewritten(graph, calls(graph))


# --- layers --------------------------------------------------------------------------------------------------


@needs_torch
def test_channels_last(bench: Plain) -> None:
    found = images(bench.graph(IMAGES))
    assert found == (("l.0.weight", "l.2.weight"), (0,)), "the other input has four dimensions, too, and is not convolved"
    laid_out = Stack(IMAGES).laid_out(*found)
    assert bench.wrong(IMAGES, laid_out.source(), fall_back=True) == []
    assert images(bench.graph(modules.PRODUCTS["linear"])) is None


@needs_torch
def test_channels_last_under_a_compiler(bench: Plain) -> None:
    source = module("return F.relu(self.c(x))", "x=(2, 3, 12, 12)", "self.c = nn.Conv2d(3, 8, 3)", "R=1", "R=1")
    both = Stack(source).laid_out(("c.weight",), (0,)).compiled("default", True)
    assert both.kinds == ["channels last", "torch.compile"] and "class LaidOut(Model)" in both.source()
    assert bench.wrong(source, both.source(), fall_back=True) == []


@needs_torch
def test_a_layer_keeps_weights_their_names_and_how_answers_lie() -> None:
    import torch

    spaces: list[dict[str, Any]] = [{}, {}]
    exec(read_kernel(Path("m.py"), IMAGES).shapes[0].whole, spaces[0])
    exec(Stack(IMAGES).laid_out(("l.0.weight", "l.2.weight"), (0,)).replayed().source(), spaces[1])
    torch.manual_seed(0)
    old = spaces[0]["Model"]()
    torch.manual_seed(0)
    new = spaces[1]["ModelNew"]()
    assert old.state_dict().keys() == new.state_dict().keys()
    assert all(torch.equal(one, other) for one, other in zip(old.parameters(), new.parameters(), strict=True))
    assert new.l[0].weight.is_contiguous(memory_format=torch.channels_last) and not new.l[0].weight.is_contiguous()
    new.load_state_dict(old.state_dict())
    x, y = torch.randn(2, 3, 12, 12), torch.randn(2, 1, 1, 1)
    for one, other in zip(old(x, y), new(x, y=y), strict=True):  # not on a GPU, and by name: nothing is recorded
        assert torch.allclose(one, other, atol=1e-5) and one.stride() == other.stride()
    new(x, y)[1].sum().backward()
    assert new.l[0].weight.grad is not None


def test_names_of_the_module_are_not_taken() -> None:
    source = IMAGES.replace("import math", "import math\n\n\ndef each(x):\n    return x\n\n\ncompiled = recorded = 1\n").replace("self.l(x) + y", "each(self.l(x)) + y")
    text = Stack(source).laid_out((), (0,)).replayed().compiled("reduce-overhead", False).source()
    names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert names == ["each", "Model", "each_", "LaidOut", "Replayed", "ModelNew"]
    assert "self.recorded_ = {}" in text and "compiled_ = torch.compile(Replayed.forward, mode=\"reduce-overhead\")" in text


@needs_torch
@needs_cuda
def test_cuda_graphs_answer_in_memory_of_their_own() -> None:
    with closing(Plain("cuda")) as bench:
        for source in (IMAGES, modules.ROWS["extremes"], modules.ATTENTIONS["written"]):
            for stack in (Stack(source).replayed(), Stack(source).compiled("reduce-overhead", True)):
                assert bench.wrong(source, stack.source(), fall_back=True) == []
                texts = bench.reference.texts
                checker = judge.KernelJudge(bench.reference, seed=1)
                for shape in range(len(texts)):
                    assert checker.check(bench.candidate, shape, 3) is None
                    assert checker.race(bench.reference, bench.candidate, shape, pairs=2).finding is None, "answers of different calls"


# --- the proposer --------------------------------------------------------------------------------------------


@contextmanager
def begun(source: str, compiled: tuple[str, ...], left: float = math.inf) -> Iterator[tuple[KernelShop, Examiner, KernelCompile]]:
    """A proposer whose rivals are measured."""
    kernel = read_kernel(Path("module.py"), source)
    with closing(KernelShop(kernel, ProcessSandbox(), "cpu")) as shop:
        examiner = Examiner(shop, judge.KernelJudge(shop.subject(Side()), seed=1), compiled=compiled)
        examiner.learn()
        examiner.rivals()
        seen = [number for number in examiner.shapes if not examiner.rows[number].held_out]
        yield shop, examiner, KernelCompile(shop, examiner, seen, lambda: left)


def context(source: str, trace: TraceWriter) -> ProposeContext:
    """What it is asked with."""
    root = Candidate(id="c0", parent="", proposal=Proposal(source=source, proposer="", note=""))
    return ProposeContext(parent=root, source=source, trace=trace)


def proposed(source: str, compiled: tuple[str, ...], folder: Path, left: float = math.inf) -> tuple[list[tuple[Proposal, str]], list[str]]:
    """What is proposed, with its label, and what is said; each is right, and was ready on the shapes that a search sees."""
    with begun(source, compiled, left) as (shop, examiner, proposer), TraceWriter(folder) as trace:
        made = []
        for proposal in proposer.propose(context(source, trace)):
            subject = shop.proposed(proposal)
            assert list(subject.compile_s) == [0], "it is compiled in its own session before anybody times it"
            assert examiner.judge.check(subject, 0, 5) is None
            rows = subject.at(0).profile(subject.texts[0], 1, 60)
            made.append((proposal, label(proposal.source, [ProfileRow(file="", line=0, function=name, share=0.1) for name, _, _ in rows])))
            shop.forget(subject)
    return made, [event.text for event in read_trace(folder) if isinstance(event, Note)]


@needs_torch
def test_without_rivals_only_what_is_not_compiled_is_proposed(tmp_path: Path) -> None:
    made, said = proposed(IMAGES, (), tmp_path)
    assert [(proposal.rule, is_) for proposal, is_ in made] == [("channels last", "library")] and said == []


QUICK = module("return torch.tanh(x) * 2 + x", "x=(R, C)").replace(
    "    def forward", "    @torch.compiler.disable  # a C++ compiler takes half a minute for it\n    def forward"
)


TUNED = "torch.compile(max-autotune-no-cudagraphs)"


@needs_torch
def test_modes_that_are_rivals_are_not_proposed_again(tmp_path: Path) -> None:
    one = "\n".join(line for line in QUICK.splitlines() if not line.startswith("HELD_OUT"))
    made, said = proposed(one, ("default",), tmp_path)
    assert [(proposal.note, is_) for proposal, is_ in made] == [(TUNED, "compiler")] and said == []


@needs_torch
def test_what_cannot_be_compiled_in_time_is_left_out_and_said(tmp_path: Path) -> None:
    with begun(QUICK, ("default",), 0.01) as (_, _, proposer), TraceWriter(tmp_path) as trace:
        told = [idea.told for idea in proposer.ideas()]
        assert told == [f"{TUNED}, each size apart", "torch.compile(default), each size apart"], "with two sizes that is new"
        assert list(proposer.propose(context(QUICK, trace))) == []
    said = [event.text for event in read_trace(tmp_path) if isinstance(event, Note)]
    assert len(said) == 2, said
    for what, line in zip(told, said, strict=True):
        assert line.startswith(f"left out for want of time: {what} (about ") and line.endswith(" s to compile)")


@needs_torch
def test_optimize_with_it(tmp_path: Path) -> None:
    (tmp_path / "attention.py").write_text(ATTENTION)
    words = ("--proposer", "compile", "--device", "cpu", "--sandbox", "process", "--time", "120", "--max-candidates", "1", "--run", "run", "--json")
    done = codeopt("optimize", "attention.py", *words, cwd=tmp_path, seconds=300)
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["verified"], (found, done.stderr)
    assert found["steps"][0]["rule"] == "library call" and found["kernel"]["label"] == "library", found["kernel"]
    assert [row["held_out"] for row in found["kernel"]["shapes"]] == [False, False, True]


def test_it_is_for_kernels(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text("def f(xs: list[int]) -> int:\n    return sum(sorted(xs))\n")
    done = codeopt("optimize", "f.py", "--proposer", "compile", "--sandbox", "process", cwd=tmp_path)
    refused(done, "around PyTorch modules, and this is none: leave compile out")
    assert usual("kernel", False) == ("rules", "compile") and usual("function", True) == ("rules", "llm")


# --- who does the work ---------------------------------------------------------------------------------------

OWN = "import triton\n\n@triton.jit\ndef native(x):\n    pass\n\n@triton.jit\ndef scaled(x):\n    pass\n"
ELEMENTWISE = "void at::native::vectorized_elementwise_kernel<4, at::native::AddFunctor<float>>(int)"


@pytest.mark.parametrize(
    ("text", "function", "is_"),
    [
        (OWN, "scaled", "authored"),
        (OWN, "scaled_0d1d2de", "authored"),
        (OWN + "f = torch.compile(g)\n", "scaled_0", "authored"),
        (OWN, ELEMENTWISE, "library"),
        (OWN, "unscaled_kernel", "library"),
        (OWN + "f = torch.compile(g)\n", "triton_poi_fused_add_0", "compiler"),
        ("__global__ void scale(float* x) {}", "void scale(float*)", "authored"),
        ("__global__ void scale(float* x) {}", "void (anonymous namespace)::scale<float>(float*)", "authored"),
        ("@torch.compiler.disable\ndef f(x): pass\n# not torch.compile\n", ELEMENTWISE, "library"),
        ("f = torch.compile(g)\n", "void cutlass::Kernel2<cutlass_80_tensorop>", "compiler"),
        ("from torch import compile as c\nf = c(g)\n", ELEMENTWISE, "compiler"),
        ("self.compile(mode='default')\n", ELEMENTWISE, "compiler"),
        ("import re\np = re.compile('x')\n", ELEMENTWISE, "library"),
        ("f = getattr(torch, name)(g)\n", "triton_red_fused_sum_0", "compiler"),
        ("@triton.jit\ndef triton_red_fused_sum_0(x):\n    pass\n", "triton_red_fused_sum_0", "authored"),
    ],
)
def test_who_does_the_work(text: str, function: str, is_: str) -> None:
    assert label(text, [ProfileRow(file="", line=0, function=function, share=0.9), ProfileRow(file="", line=0, function="other", share=0.1)]) == is_
    assert label(OWN, [ProfileRow(file="", line=0, function="scaled", share=0.4)]) == "library", "less than half"


def test_the_benchmark_counts_each_label_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(__file__).parents[2] / "benchmarks"
    monkeypatch.syspath_prepend(str(folder))
    spec = importlib.util.spec_from_file_location("kernels_benchmark", folder / "kernels.py")
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    monkeypatch.delitem(sys.modules, "common", raising=False)

    def row(kind: str, eager: float, best: float) -> dict[str, Any]:
        return {
            "winner": True, "correct": True, "label": kind, "speedup_eager": eager, "speedup_best": best, "low_eager": eager - 0.1,
            "low_best": best - 0.1, "ms": [1.0], "eager_ms": [eager], "compile_ms": [{"default": best}],
        }  # fmt: skip

    lost = {"winner": False, "correct": True, "label": ""}
    summed = found.summed({"a": row("authored", 4.0, 2.0), "b": row("compiler", 1.5, 1.05), "c": row("compiler", 6.0, 1.05), "d": lost})
    assert summed["tasks"] == 4 and summed["fast_0"] == 1.0
    others = summed["others"]
    assert summed["count"] == 1 and {kind: figures["count"] for kind, figures in others.items()} == {"library": 0, "compiler": 2}
    assert summed["geomean_eager"] == 4.0 and summed["fast_1_eager"] == 0.25, "own kernels alone, of all tasks"
    assert others["compiler"]["geomean_eager"] == 3.0 and math.isnan(others["library"]["geomean_eager"])
    assert others["compiler"]["fast_1_best"] == 0.5 and others["compiler"]["verified_fast_1_best"] == 0.0
