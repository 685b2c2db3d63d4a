"""A dataset goes to a hub (one that runs here) without what nobody may see, privately, in one commit."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("huggingface_hub")
sys.path.insert(0, str(Path(__file__).parents[1]))
from commandline import codeopt, refused
from hubserver import Hub, serve

from codeopt.datasets.scrub import HIDDEN, Scrubber
from codeopt.datasets.store import Dataset

KEY = "hf_" + "aB3dE6gH9j" * 4
SLOW = f'# by jane.doe@lab.example.edu\nTOKEN = "{KEY}"\nfor line in open("/home/jane/data/in.txt"):\n    print(line)\n'
FAST = 'print(open("/home/jane/data/in.txt").read())\n'


def made(tmp_path: Path, licence: str = "MIT", name: str = "set", count: int = 1) -> Path:
    source = tmp_path / f"{name}.jsonl"
    records = [
        {"slow": SLOW + f"# {n}\n", "fast": FAST, "problem_id": f"p{n}", "notes": {"who": ["jane.doe@lab.example.edu"], "where": "C:\\Users\\jane\\x.py"}}
        for n in range(count)
    ]
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    out = tmp_path / name
    done = codeopt("data", "import", "jsonl", source, "--out", out, "--no-remeasure", *(["--licence", licence] if licence else []), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, Path, str]]:
    folder = tmp_path_factory.mktemp("push")
    data = made(folder)
    with serve({}) as hub:
        done = push(hub, data, folder)
        assert done.returncode == 0, done.stderr
        yield hub, folder, done.stdout


def push(hub: Hub, data: Path, cwd: Path, *more: str, repo: str = "lab/pairs") -> Any:
    env = {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_test", "HF_HOME": str(cwd / "hf"), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return codeopt("data", "push", data, "--repo", repo, *more, cwd=cwd, env=env)


def unpacked(hub: Hub, folder: Path) -> Dataset:
    for name, content in hub.pushed["lab/pairs"].items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return Dataset(folder)


def test_what_is_pushed_is_private_whole_and_scrubbed(pushed: tuple[Hub, Path, str]) -> None:
    hub, folder, told = pushed
    assert hub.private == {"lab/pairs": True} and hub.commits == 1 and "Bearer hf_test" in hub.tokens
    assert f"{hub.url}/datasets/lab/pairs" in told and "MIT" in told
    there = unpacked(hub, folder / "there")
    (row,) = there.rows("pairs")
    everything = json.dumps([list(there.rows(config)) for config in there.configs()]) + there.manifest.model_dump_json()
    assert "jane" not in everything and KEY not in everything and "lab.example" not in everything
    assert f'TOKEN = "{HIDDEN}"' in row["input"] and 'open("/home/user/in.txt")' in row["input"]
    assert json.loads(row["extra"])["fields"]["notes"] == {"who": ["user@example.com"], "where": "/home/user/x.py"}
    assert there.manifest.filters[-1].name == "scrub" and there.manifest.filters[-1].told in told
    (local,) = Dataset(folder / "set").rows("pairs")
    assert local["input"].startswith("# by jane.doe") and local["id"] != row["id"]


def test_a_later_push_replaces_what_was_there(pushed: tuple[Hub, Path, str]) -> None:
    hub, folder, _ = pushed
    hub.pushed["lab/pairs"] |= {"data/pairs/train-00099.parquet": b"old", "NOTES.md": b"mine"}
    done = push(hub, made(folder, name="more", count=30), folder)
    assert done.returncode == 0, done.stderr
    assert "data/pairs/train-00099.parquet" not in hub.pushed["lab/pairs"] and hub.pushed["lab/pairs"]["NOTES.md"] == b"mine"
    assert unpacked(hub, folder / "later").count("pairs") == 30


def test_public_is_meant_or_refused(pushed: tuple[Hub, Path, str]) -> None:
    hub, folder, _ = pushed
    refused(push(hub, folder / "set", folder, "--public"), "lab/pairs is private on the hub")
    assert push(hub, folder / "set", folder, "--public", repo="lab/open").returncode == 0
    assert hub.private["lab/open"] is False
    commits = hub.commits
    refused(push(hub, folder / "set", folder, repo="lab/open"), "lab/open is public on the hub")
    assert hub.commits == commits


def test_a_source_without_a_licence_stays_here(pushed: tuple[Hub, Path, str]) -> None:
    hub, folder, _ = pushed
    data = made(folder, "", "unknown")
    refused(push(hub, data, folder, repo="lab/unknown"), "nobody said what the licence of .*--licence-unknown-ok")
    assert push(hub, data, folder, "--licence-unknown-ok", repo="lab/unknown").returncode == 0 and "lab/unknown" in hub.pushed


def test_a_dry_run_sends_nothing(pushed: tuple[Hub, Path, str]) -> None:
    hub, folder, _ = pushed
    tokens = len(hub.tokens)
    done = push(hub, folder / "set", folder, "--dry-run", repo="lab/dry")
    assert done.returncode == 0 and "nothing was sent" in done.stdout and "pairs/" in done.stdout and "secrets" in done.stdout
    assert "lab/dry" not in hub.pushed and len(hub.tokens) == tokens


def test_a_hub_that_refuses_or_is_not_there_is_one_line(pushed: tuple[Hub, Path, str]) -> None:
    hub, folder, _ = pushed
    refused(push(hub, folder / "set", folder, repo="nameless"), "no name of a dataset")
    hub.writes = False
    refused(push(hub, folder / "set", folder, repo="lab/other"), "answered 403 for lab/other.*HF_TOKEN")
    hub.writes = True
    refused(push(Hub("http://127.0.0.1:9", {}), folder / "set", folder), "cannot be reached")


@pytest.mark.parametrize(
    "text",
    ["y = x @ w.T", "a@b.to(device)", "#!/usr/bin/env python", "x = a/home/b", "s = 'skip-the-first-line-of-the-input-file'", "c = a / data / b", "@app.route('/data')"],
)  # fmt: skip
def test_programs_stay_programs(text: str) -> None:
    scrubber = Scrubber({})
    assert scrubber.text(text) == text and not scrubber.found


@pytest.mark.parametrize(
    ("text", "clean", "kind"),
    [
        ("/home/jane", "/home/user", "paths"),
        ("/Users/jane/a/b.py:3", "/home/user/b.py:3", "paths"),
        ("C:\\\\Users\\\\jane\\\\b.py", "/home/user/b.py", "paths"),
        ("jane_doe+x@mail.example.com,", "user@example.com,", "e-mail addresses"),
        ("password = 'hunter2hunter2'", f"password = '{HIDDEN}'", "secrets"),
        ("ghp_" + "a1" * 18, HIDDEN, "secrets"),
        ("https://jane:pa55@host/x", f"https://{HIDDEN}@host/x", "secrets"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\n", f"{HIDDEN}\n", "secrets"),
        ("print('correct-horse-1')", f"print('{HIDDEN}')", "secrets"),
    ],
)
def test_what_must_not_be_published_goes(text: str, clean: str, kind: str) -> None:
    scrubber = Scrubber({"SOME_TOKEN": "correct-horse-1"})
    assert scrubber.text(text) == clean and scrubber.found == {kind: 1}
