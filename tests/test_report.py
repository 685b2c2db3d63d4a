"""`codeopt report`: true to the trace, whole in itself, and deaf to what programs and models write into it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from codeopt.agent.kernels.verify import KernelVerification, ShapeRow
from codeopt.agent.report import Outcome
from codeopt.agent.story import read as reading
from codeopt.agent.story.page import page
from codeopt.cli import report as command
from codeopt.errors import UserError
from codeopt.page import charts, code
from codeopt.page.html import seen
from codeopt.trace import (
    CandidateMade,
    Interrupted,
    Resumed,
    RunFinished,
    RunStarted,
    TraceWriter,
    read_trace,
)
from codeopt.types import Candidate, Proposal, Status
from tests import browser, story_made
from tests.commandline import SLOW_DEDUPE, codeopt, codeopt_without, put, refused
from tests.evals.test_report import scored

HOSTILE = (
    "</script><script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\"><svg onload=document.title='ran'>"
    "<a href=\"javascript:document.title='ran'\">x</a>'\"--></style></title></textarea><iframe src=//attacker.invalid/></iframe>"
    "{{ 7 * 7 }}{% raw %}<base href=http://attacker.invalid/><meta http-equiv=refresh content=0;url=http://attacker.invalid/>\u202e\u0000"
)
VOID = {"meta", "col", "br", "hr", "img", "link", "base", "input"}
needs_browser = pytest.mark.skipif(not browser.found(), reason="no Chromium is installed")


class Tags(HTMLParser):
    """What a page consists of, and whether it is nested well."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        self.text += data


def checked(text: str) -> Tags:
    """The page's tags; nothing in it runs, loads or leads anywhere but to its own parts."""
    tags = Tags(text)
    assert not {"script", "iframe", "img", "link", "base", "object", "embed", "form", "image", "use"} & set(tags.names)
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name in ("src", "srcset", "action", "formaction", "xlink:href")]
    ids = [value for name, value in tags.attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    assert all(value[0] == "#" and value[1:] in ids for name, value in tags.attributes if name == "href")
    assert "default-src 'none'" in dict(tags.attributes)["content"] or "default-src 'none'" in text.partition("<title>")[0]
    assert "script-src" not in text and tags.names.count("meta") == 5
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(svg)
    return tags


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run of rules on dedupe.py, and what `codeopt optimize` said."""
    folder = tmp_path_factory.mktemp("real")
    put(folder, dedupe=SLOW_DEDUPE, make="def make(size, seed):\n    return ([(i * 7919 + seed) % 701 for i in range(700)],)\n")
    words = ("--inputs", "make.py:make", "--max-candidates", "1", "--run", "run", "--sandbox", "process", "--no-crosshair")
    done = codeopt("optimize", "dedupe.py", *words, cwd=folder)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return folder / "run", done.stdout


@pytest.fixture(scope="module")
def chromium() -> Iterator[browser.Browser]:
    with browser.Browser() as one:
        yield one


def test_a_real_run(real: tuple[Path, str]) -> None:
    run, said = real
    text = (run / "report.html").read_text("utf-8")
    assert re.search(r"^  page   run/report.html$", said, re.MULTILINE), "written at the end of the run"
    tags = checked(text)
    summary = json.loads((run / "result.json").read_text())
    measured = summary["measurement"]
    assert f"{measured['speedup']:.2f}× faster" in tags.text.replace(",", "") or measured["speedup"] >= 100
    assert summary["verify"] in tags.text and f"{measured['pairs']} fresh pairs" in tags.text
    assert f"{sum(summary['inputs']['hidden'].values())} drawn after the winner was fixed" in tags.text
    new = set((run / "dedupe.py").read_text().splitlines()) - set(SLOW_DEDUPE.splitlines())
    assert new and all(line.strip() in tags.text for line in new) and "if x not in seen:" in tags.text
    assert "generated" in tags.text and "patch -p1 -d" in tags.text and "verified" in tags.text
    again = codeopt("report", run, "--out", run / "again.html", "--json", cwd=run)
    assert json.loads(again.stdout)["kind"] == "run" and (run / "again.html").read_text("utf-8") == text


@pytest.mark.parametrize("cut", [0, 1, 200, 5000, 9000])
def test_a_torn_or_unfinished_trace(tmp_path: Path, cut: int) -> None:
    run = story_made.write(tmp_path / "run", 8, finished=False, held=False)
    trace = run / "trace.jsonl"
    trace.write_bytes(trace.read_bytes()[: len(trace.read_bytes()) - cut])
    tags = checked(page(run))
    assert "has not ended" in tags.text and "codeopt optimize --resume" in tags.text
    assert ("cannot be read" in tags.text) == (cut > 0)
    if b'"event":"best"' in trace.read_bytes():
        assert "not confirmed" in tags.text and "1.20× by the search's estimates" in tags.text
    else:
        assert cut == 9000 and "nothing faster yet" in tags.text


def test_damage_in_the_middle_and_lost_bodies_are_told_of(tmp_path: Path) -> None:
    run = story_made.write(tmp_path / "run", 8)
    lines = (run / "trace.jsonl").read_bytes().splitlines(keepends=True)
    lost = next(number for number, line in enumerate(lines) if b'"candidate":{"id":"c3"' in line)
    lines[lost] = b'{"event": "candidate"}\n'
    (run / "trace.jsonl").write_bytes(b"".join(lines))
    shutil.rmtree(run / "bodies")
    tags = checked(page(run))
    assert "of the trace cannot be read" in tags.text and "no verified speedup" in tags.text


@pytest.mark.parametrize("end", [b"", b'{"event": "note"', b"[]\n"])
def test_what_does_not_begin_is_refused(tmp_path: Path, end: bytes) -> None:
    (tmp_path / "trace.jsonl").write_bytes(end)
    with pytest.raises(UserError, match="holds no started run"):
        page(tmp_path)


def test_a_resumed_run_does_not_count_its_best_twice(tmp_path: Path) -> None:
    run = story_made.write(tmp_path / "run", 8, finished=False, held=False)
    best = next(event for event in read_trace(run) if event.event == "best")
    with TraceWriter(run) as trace:
        trace.add(Interrupted(signal="SIGINT"))
        trace.add(Resumed(codeopt="0.1.0"))
        trace.add(best)
        trace.add(Interrupted(signal="SIGTERM"))
    story = reading.read(run)
    assert [moment.total for moment in story.bests] == pytest.approx([1.2])
    assert "interrupted (SIGTERM)" in page(run)


def test_a_tree_as_deep_as_a_trace_can_make_it(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "run") as trace:
        trace.add(RunStarted(task={"file": "/x.py"}))
        for number in range(1, 1200):
            parent = f"c{number - 1}" if number != 7 else "c900"  # a parent that comes later is none
            trace.add(CandidateMade(candidate=Candidate(id=f"c{number}", parent=parent, proposal=Proposal(source="", proposer="rules", note="n"))))
    text = page(tmp_path / "run")
    assert text.count("no verdict</span>") == 1199
    checked(text)


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>&\".py"
    run = story_made.write(tmp_path / "run", 8, word=HOSTILE, file=name)
    (run / "result.json").write_text(json.dumps({"verify": HOSTILE, "versions": {HOSTILE: HOSTILE}, "not_measured": {HOSTILE: 1}, "library": {"use": HOSTILE}, "kernel": {"shapes": [HOSTILE]}}))
    tags = checked(page(run))
    shown = seen(HOSTILE)
    assert tags.text.count(shown) > 40 and name in tags.text
    assert "⟨U+202E⟩⟨U+0000⟩" in shown and "\u202e" not in tags.text
    assert "{{ 7 * 7 }}" in tags.text


def test_what_a_summary_says_in_another_shape_is_passed_over(tmp_path: Path) -> None:
    run = story_made.write(tmp_path / "run", 4)
    plain = page(run)
    for strange in ("[]", '{"verify": 3, "versions": [], "not_measured": [], "library": "x", "kernel": {"shapes": [{"name": 1}]}}', "{", "null"):
        (run / "result.json").write_text(strange)
        assert page(run) == plain


def test_a_kernel_has_its_roofline(tmp_path: Path) -> None:
    run = story_made.write(tmp_path / "run", 4)
    rows = [
        ShapeRow(name=f"shape {n}", device_s=2e-6 * n, eager_s=9e-6 * n, rivals_s={"default": 5e-6}, bytes=10**6 * n, flops=10**8 * n * n, roofline_s=1e-6 * n, share=0.5)
        for n in (1, 2, 3)
    ]
    found = KernelVerification("k.py", status=Status.OK, rows=rows, rival="default", label="authored")
    (run / "result.json").write_text(json.dumps({"kernel": found.summary()}))
    tags = checked(page(run))
    assert "operations per byte" in tags.text and "torch.compile(default), the fastest rival" in tags.text
    plot = next(svg for svg in re.findall(r"<svg.*?</svg>", page(run), re.DOTALL) if "Roofline" in svg)
    assert len(re.findall("<circle", plot)) == 3 and re.findall(r'class="bar s1"', plot) == ['class="bar s1"'] * 3
    (run / "result.json").write_text(json.dumps({"kernel": {**found.summary(), "shapes": [row.model_copy(update={"flops": 0}).model_dump() for row in rows]}}))
    assert "No roofline plot" in page(run)


def test_a_command_is_its_functions(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with TraceWriter(run) as trace:
        trace.add(RunStarted(task={"kind": "command", "command": ["python", "<b>main</b>.py"]}))
        trace.add(RunFinished(exit_code=0))
    story_made.write(run / "1-score", 4)
    story_made.write(run / "2-other", 4, held=False)
    (run / "3-never").mkdir()
    (run / "3-never" / "trace.jsonl").write_text("[]\n")
    told = {"verified": True, "ceiling": 3.5, "hot": [{"qualname": "score", "own_share": 0.7}], "measurement": story_made.measured(2.5).model_dump()}
    (run / "result.json").write_text(json.dumps(told))
    tags = checked(page(run))
    assert "2.50× faster" in tags.text and "1.20× faster" in tags.text and "70% in score" in tags.text and "3.50×" in tags.text
    assert tags.text.count("What stands behind") == 2 and "python '<b>main</b>.py'" in tags.text


def test_the_change_is_the_change() -> None:
    old, new = "def f(x):\n    return x\n" + "# same\n" * 20 + "y = 1\n", "def f(x, k):\n    return x\n" + "# same\n" * 20 + "y = 1\nz = '<b>'\n"
    rows = code.side_by_side(old, new, "f.py")
    changed = [(row.left, row.right) for row in rows if row.kind == "changed"]
    assert changed == [(1, 1), (0, 24)] and "<ins>" in rows[0].new and "&lt;b&gt;" in rows[-1].new
    assert sum(row.kind == "skip" for row in rows) == 1
    assert code.changed(old, new) == ({1}, {1, 24})
    assert code.side_by_side(old, old + "", "f.py") == [] and code.side_by_side("a", "a\n", "f.py") == []
    assert [style for style, _ in code.unified(old, new) if style] == ["skip", "gone", "new", "skip", "new"]
    for before, after in (("abcdefgh", "aXcdeYgh"), ("abcdefghij", "aXYdefghiZ"), ("abc", "xabc"), ("", "ab"), ("ab", ""), ("abab", "baba")):
        found = code.opcodes(before, after)
        assert "".join(after[k:m] for _, _, _, k, m in found) == after and "".join(before[i:j] for _, i, j, _, _ in found) == before
        assert all((before[i:j] == after[k:m]) == (tag == "equal") for tag, i, j, k, m in found)
    assert code.opcodes(["a"] * 3000, ["b"] * 3000)[0] == ("replace", 0, 3000, 0, 3000), "no day is spent on comparing"


@pytest.mark.parametrize("values", [[], [1.0], [float("nan"), float("inf"), 2.0], [0.0, -3.0], [1e300, 1e-300], [5.0, 5.0], [1.0, 1e9]])
@pytest.mark.parametrize("log", [True, False])
def test_charts_of_any_values(values: list[float], log: bool) -> None:
    points = [(float(place), value) for place, value in enumerate(values)]
    curve = charts.Curve("c", points, step=True, marks=[(x, y, "<m>") for x, y in points], span=(0.0, 1.0, 2.0))
    for svg in (
        charts.curves([curve], title="<t>", x="x", y="y", log_y=log, even=1.0, whole=log),
        charts.intervals([charts.Bar("b" * 99, value, value, value) for value in values], title="t", x="x"),
    ):
        assert "nan" not in svg and "inf" not in svg
        ElementTree.fromstring(svg)


def test_evaluations_and_trainings(tmp_path: Path) -> None:
    for name in ("a", "b"):
        scored(tmp_path / name / "scores", [[0.5, 0.7], [1.2, 0.0]])
    training = tmp_path / "training"
    (training / "eval" / "mbpp").mkdir(parents=True)
    settings = {"trainer": "sft", "model": HOSTILE, "adapter": "lora", "data": "d"}
    (training / "settings.json").write_text(json.dumps(settings))
    state = training / "checkpoints" / "checkpoint-3"
    state.mkdir(parents=True)
    (state / "trainer_state.json").write_text(json.dumps({"log_history": [{"step": step, "loss": 2.0 / step} for step in (1, 2, 3)]}))
    assert command.kind_of(training) == "training"
    tags = checked(command.made("training", [training], ()))
    assert "has not ended" in tags.text and "2 at first, 0.6667 at last" in tags.text and "It was not evaluated yet" in tags.text and seen(HOSTILE) in tags.text
    told = {"settings": settings, "finished": True, "steps": 3, "trained": 10, "parameters": 100, "rows": 6, "left_out": 0, "seconds": 1.0, "log": [{"step": 1, "loss": float("nan")}]}
    (training / "training.json").write_text(json.dumps(told))
    row = {"metric": "pass@1", "a": 0.1, "b": 0.4, "mean": 0.3, "low": 0.1, "high": 0.5, "p": 0.01}
    result = {"suite": "mbpp", "problems": 9, "samples": 4, "temperature": 0.8, "before": "m", "after": HOSTILE, "rows": [row]}
    (training / "eval" / "mbpp" / "result.json").write_text(json.dumps(result))
    tags = checked(command.made("training", [training], ()))
    assert "ended after 3 steps" in tags.text and "+0.100 to +0.500" in tags.text
    both = codeopt("report", "a", "b/scores", "--out", "c.html", cwd=tmp_path)
    assert both.returncode == 0 and both.stdout == "report: c.html\n", both.stderr
    assert "2 scored runs" in (tmp_path / "c.html").read_text("utf-8")
    refused(codeopt("report", "a", "training", cwd=tmp_path), "training is a training, .*give it alone")
    refused(codeopt("report", "training", "--out", "c.html/x", cwd=tmp_path), "cannot be written.*--out")
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "samples.jsonl").touch()
    for folder, says in (("nowhere", "no such folder"), (".", "holds no run, no scores and no training"), ("samples", "not scored yet")):
        with pytest.raises(UserError, match=says):
            command.kind_of(tmp_path / folder)


def test_a_run_needs_no_matplotlib(tmp_path: Path) -> None:
    story_made.write(tmp_path / "run", 3)
    assert codeopt_without("matplotlib", "report", "run", cwd=tmp_path).returncode == 0


def test_a_long_run_leaves_its_page_to_the_command(real: tuple[Path, str], tmp_path: Path) -> None:
    run = shutil.copytree(real[0], tmp_path / "run")
    (run / "report.html").unlink()
    for count in (command.MOST_AT_ONCE + 1, 1):
        outcome = Outcome(run, 0, "", summary={"candidates": {"ok": count}})
        command.written_page(outcome, lambda text: pytest.fail(text))
        assert ("page" in outcome.files) == (run / "report.html").is_file() == (count == 1)


@needs_browser
@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_opens_it_and_nothing_runs(tmp_path: Path, chromium: browser.Browser, dark: bool) -> None:
    run = story_made.write(tmp_path / "run", 30, word=HOSTILE)
    file = tmp_path / "page.html"
    file.write_text(page(run), "utf-8")
    visit = chromium.open(file, dark=dark)
    assert visit.requests == [file.as_uri()] and visit.complaints == []
    assert chromium.value("document.title").startswith("score.py")
    assert chromium.value("document.querySelectorAll('script, img, iframe, base').length") == 0
    colour = chromium.value("getComputedStyle(document.body).backgroundColor")
    assert colour == ("rgb(20, 23, 26)" if dark else "rgb(255, 255, 255)")


@needs_browser
def test_the_browser_would_tell(tmp_path: Path, chromium: browser.Browser) -> None:
    file = tmp_path / "page.html"
    file.write_text(f"<!DOCTYPE html><title>as it was</title>{HOSTILE.partition('<meta')[0]}", "utf-8")
    visit = chromium.open(file)
    assert chromium.value("document.title") == "ran" and len(visit.requests) > 1 and visit.complaints


@needs_browser
def test_small_by_keyboard_and_printed(real: tuple[Path, str], chromium: browser.Browser) -> None:
    visit = chromium.open(real[0] / "report.html", width=400)
    assert visit.complaints == [] and chromium.value("document.documentElement.scrollWidth") <= 400
    closed = chromium.value("document.querySelectorAll('details:not([open])').length")
    for _ in range(60):
        chromium.press("Tab", 9)
        if chromium.value("document.activeElement.matches('.tree li summary:not(:has(+ ul))') && !document.activeElement.parentElement.open"):
            break
    else:
        pytest.fail("no candidate can be reached by keyboard")
    assert chromium.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    chromium.press("Enter", 13)
    assert chromium.value("document.querySelectorAll('details:not([open])').length") == closed - 1
    assert browser.pages_of(chromium.printed()) >= 1


