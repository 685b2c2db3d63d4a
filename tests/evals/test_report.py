"""The page of `codeopt eval table --html`: whole in itself, the same each time, and true to the rows."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from codeopt.evals import compare, costs, plots, report
from codeopt.evals.enamel import Score
from codeopt.evals.generate import Generated
from codeopt.evals.rows import Row, summary
from codeopt.evals.speed import Gain
from codeopt.types import Status
from tests.commandline import codeopt, codeopt_without, refused

STRANGE = "_<b>$x_1$ & \"q\" {{ 7 * 7 }}\udcff\n|"


def scored(folder: Path, gains: list[list[float]], kind: type[Row] = Score, **config: str) -> Path:
    """A scored run; 0 did not pass."""
    folder.mkdir(parents=True)
    lines = []
    for problem, group in enumerate(gains):
        for sample, gain in enumerate(group):
            common = {"task_id": f"T/{problem}", "sample": sample, "passed": gain > 0, "status": Status.OK, "evidence": ""}
            if kind is Score:
                row: Row = Score(**common, levels=(0, gain, gain, gain), e=gain, e_capped=min(1, gain), seconds=(), reference_s=0.1)
            else:
                row = Gain(**common, verified=gain > 1, speedup=gain)
            lines.append(row.model_dump_json() + "\n")
    (folder / "rows.jsonl").write_text("".join(lines))
    (folder / "config.json").write_text(json.dumps({"suite": "s", "kind": kind.kind, **config}))
    return folder


def generated(folder: Path, gains: list[list[float]], model: str, strategy: str = "answer", raw: str = "") -> Path:
    """The samples of such a run, of 100 tokens in and 10 out each (rules: none), in no order."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = (0, 0) if strategy == "rules" else (100, 10)
    lines = [
        Generated(
            task_id=f"T/{problem}", sample=sample, solution="x", raw=raw, note="", seed=0, finish="stop", tokens_in=tokens[0],
            tokens_out=tokens[1], estimated=False,
        ).model_dump_json()
        for problem, group in enumerate(gains)
        for sample in reversed(range(len(group)))
    ]
    (folder / "samples.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "config.json").write_text(json.dumps({"suite": "s", "model": model, "strategy": strategy}))
    return folder


class Tags(HTMLParser):
    """What a browser sees."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("kind", [Score, Gain])
@pytest.mark.parametrize("count", [1, 8])
def test_a_page_is_whole_in_itself_and_the_same_each_time(tmp_path: Path, kind: type[Row], count: int) -> None:
    gains = [[0.0, 0.5, 3.0], [1.2, 0.9, 0.0], [2.0, 1.0, 40.0]]
    runs = []
    for number in range(count):
        own = gains if number % 2 else [group[:1] for group in gains]
        folder = generated(tmp_path / f"run {number}", own, ["gpt-4o", "nobody's", "m"][number % 3], ["answer", "answer", "rules"][number % 3])
        scored(folder / "scores", own, kind)
        runs.append(folder)
    read = compare.read_all(runs)
    page = report.page(read, [1, 2])
    assert page == report.page(read, [1, 2])
    tags = Tags(page)
    assert not {"script", "iframe", "img", "link", "object"} & set(tags.names)
    assert all(link.startswith("#") and link[1:] in tags.ids for link in tags.links), "nothing comes from elsewhere"
    for name in (f"run {number}" for number in range(count)):
        assert tags.text.count(name) >= 2 + 3, "both tables and the legends"
    svgs = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(svgs) == 5 == page.count("<figcaption>")
    assert all(ElementTree.fromstring(svg) is not None for svg in svgs)
    assert len(set(tags.ids)) == len(tags.ids)


def test_names_are_text_everywhere(tmp_path: Path) -> None:
    folder = scored(tmp_path / STRANGE, [[0.5]])
    done = codeopt("eval", "table", folder, scored(tmp_path / ("x" * 200), [[0.4]]), "--html", "a.html", "--markdown", cwd=tmp_path)
    assert done.returncode == 0 and "page with plots: a.html" in done.stderr, done.stderr
    page = (tmp_path / "a.html").read_text()
    shown = "_<b>$x_1$ & \"q\" {{ 7 * 7 }}\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}|"
    assert Tags(page).text.count(shown) == 2 + 3 and "<b>" not in page
    assert "x" * 200 in page and not re.search("x{30}", "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL)))


def test_curves_are_the_figures_of_the_table(tmp_path: Path) -> None:
    run = compare.read(scored(tmp_path / "a", [[0.1, 0.9, 0.4], [0.0, 0.7, 1.3], [0.2, 0.3, 0.1, 0.8]]))
    figures = summary([one for group in run.scores.values() for one in group], [1, 2, 3])
    found = plots.curve(run)
    assert found.ks == [1, 2, 3]
    for k, *told in zip(found.ks, found.values, found.low, found.high):
        assert told == pytest.approx(figures[f"eff@{k}"], abs=1e-4)
    many = plots.curve(compare.read(scored(tmp_path / "b", [[0.5] * 100])))
    assert many.ks[0] == 1 and many.ks[-1] == 100 and len(many.ks) <= plots.MOST_KS


def test_what_samples_cost(tmp_path: Path) -> None:
    gains = [[0.5, 0.6], [0.7, 0.8]]
    known = generated(tmp_path / "known", gains, "gpt-4o")
    scored(known / "scores", gains)
    apart = scored(tmp_path / "apart", gains, samples=str(known / "samples.jsonl"))
    for folder in (known, known / "scores", apart):
        run = compare.read(folder)
        cost = costs.of(run)
        assert cost is not None and cost.tokens == 110 and cost.dollars == pytest.approx((100 * 2.5 + 10 * 10) / 1e6), run.folder
    assert compare.read(known / "scores").name == "known"
    local = generated(tmp_path / "local", gains, "gguf:gpt-4o")
    rules = generated(tmp_path / "rules", gains, "", "rules")
    search = generated(tmp_path / "search", gains, "gpt-4o", "search", '{"dollars": 0.25}')
    for folder, tokens, dollars in ((local, 110, None), (rules, 0, 0.0), (search, 110, 0.25)):
        cost = costs.of(compare.read(scored(folder / "scores", gains).parent))
        assert cost is not None and (cost.tokens, cost.dollars) == (tokens, dollars)
    more = scored(tmp_path / "more", [[0.5, 0.6, 0.7], [0.7, 0.8]], samples=str(known / "samples.jsonl"))
    assert costs.of(compare.read(more)) is None, "one of its samples is not there"
    assert costs.of(compare.read(scored(tmp_path / "none", gains))) is None


def test_a_run_that_knows_no_cost_and_one_that_never_passes(tmp_path: Path) -> None:
    page = report.page([compare.read(scored(tmp_path / "never", [[0.0], [0.0]], Gain))], [1])
    assert "No run knows what its samples cost" in page and "as no sample passed: never" in page
    assert len(re.findall("<svg", page)) == 2


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for parent in ("x", "y"):
        scored(tmp_path / parent / "run", [[0.5]])
    done = codeopt("eval", "table", "x/run", "y/run", "--markdown", "--html", "a.html", cwd=tmp_path)
    assert "| x/run |" in done.stdout and "| y/run |" in done.stdout
    assert "x/run" in (tmp_path / "a.html").read_text()


def test_compare_takes_whole_runs(tmp_path: Path) -> None:
    for name, gains in (("a", [[0.5]]), ("b", [[0.7]])):
        scored(tmp_path / name / "scores", gains)
    said = json.loads(codeopt("eval", "compare", "a", "b", "--json", cwd=tmp_path).stdout)
    assert (said["a"], said["b"]) == ("a", "b") and said["metrics"]["eff@1"]["difference"][0] == pytest.approx(0.2)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    scored(tmp_path / "a", [[0.5]])
    refused(codeopt("eval", "table", "a", "--html", "a/rows.jsonl/x", cwd=tmp_path), "cannot be written.*another file")
    refused(codeopt_without("matplotlib", "eval", "table", "a", "--html", "x", cwd=tmp_path), r'pip install "codeopt\[report\]"')
    assert not (tmp_path / "x").exists()
    plain = codeopt("eval", "table", "a", cwd=tmp_path)
    assert plain.returncode == 0 and not plain.stderr, "without --html nothing is asked of matplotlib"
