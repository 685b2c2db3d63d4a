"""The house stands: rooms import under one name, next to Hugging Face's datasets, from a checkout and from a wheel."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import codeopt
from codeopt.agent.tasks.detect import detect
from codeopt.machine import fingerprint

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("agent", "sandbox", "datasets", "training", "evals")
HEAVY = ("torch", "transformers", "datasets", "trl", "ray", "numpy", "pandas", "openai", "docker")


def tracked() -> list[Path]:
    """Files of the repository; all of them where this is not a checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    skip = {".venv", ".git", "__pycache__"}
    return [path for path in ROOT.rglob("*") if path.is_file() and skip.isdisjoint(path.parts)]


def python(code: str, *, cwd: Path = ROOT, path: Path | None = None) -> str:
    """What a fresh interpreter, started as `python -c` in `cwd`, prints."""
    command = [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(path)!r}); {code}" if path else code,
    ]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def test_no_file_is_longer_than_500_lines() -> None:
    code = {".py", ".cpp", ".h", ".sh", ".j2", ".md", ".toml", ""}
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked()
        if path.suffix in code and (lines := path.read_bytes().count(b"\n")) > 500
    }
    assert long == {}


def test_every_room_is_a_link_to_its_top_level_folder_and_datasets_has_no_init() -> None:
    for room in ROOMS:
        assert (ROOT / "src" / "codeopt" / room).resolve() == ROOT / room
    assert not (ROOT / "datasets" / "__init__.py").exists()


def test_the_rooms_import_under_codeopt_from_the_root_and_from_elsewhere(tmp_path: Path) -> None:
    code = "; ".join(f"import codeopt.{room}" for room in ROOMS) + "; print(codeopt.__version__)"
    assert python(code) == python(code, cwd=tmp_path) == importlib.metadata.version("codeopt")


@pytest.mark.skipif(not installed("datasets"), reason="Hugging Face's datasets is not installed")
def test_datasets_is_hugging_faces_at_the_root() -> None:
    told = python("import datasets, codeopt.datasets; print(datasets.__version__, codeopt.datasets.__path__)")
    assert told.startswith(importlib.metadata.version("datasets")) and "codeopt" in told


def test_at_the_root_a_real_datasets_package_wins_over_our_folder(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("NAME = 'the real one'\n", encoding="utf-8")
    code = f"import sys; sys.path.insert(1, {str(tmp_path)!r}); import datasets, codeopt.datasets; print(datasets.NAME)"
    assert python(code) == "the real one"


def test_import_codeopt_is_light() -> None:
    told = python(f"import sys, codeopt; print([name for name in {HEAVY} if name in sys.modules])")
    assert told == "[]"


def test_the_core_needs_no_heavy_library() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = {re.split(r"[<>=!~; \[]", line)[0].lower() for line in project["dependencies"]}
    assert core.isdisjoint({"torch", "transformers", "datasets", "trl", "ray", "pandas"})


@pytest.mark.skipif(importlib.util.find_spec("codeopt.__main__") is None, reason="no codeopt.__main__")
def test_the_module_can_be_run(tmp_path: Path) -> None:
    for cwd in (ROOT, tmp_path):
        command = [sys.executable, "-m", "codeopt", "--version"]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert importlib.metadata.version("codeopt") in done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built with the setuptools at hand and so with no network."""
    if not installed("setuptools") or int(importlib.metadata.version("setuptools").split(".")[0]) < 77:
        pytest.skip("setuptools >= 77 is not installed")
    out = tmp_path_factory.mktemp("wheel")
    source = out / "source"
    for path in tracked():
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    for room in ROOMS:
        (source / "src" / "codeopt" / room).symlink_to(Path("../..") / room)
        (source / room).mkdir(exist_ok=True)
    (source / "README.md").touch()
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(out),
    ]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


def test_a_wheel_holds_the_rooms_as_real_files_and_no_other_top_level_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"codeopt"}
    wanted = {
        f"codeopt/{path.relative_to(ROOT)}"
        for path in tracked()
        if path.relative_to(ROOT).parts[0] in ROOMS
        and (path.suffix in (".py", ".cpp", ".j2", ".json") or path.name == "Dockerfile")
    }
    wanted |= {
        str(path.relative_to(ROOT / "src"))
        for path in tracked()
        if path.suffix == ".py" and path.is_relative_to(ROOT / "src")
    }
    assert wanted - set(names) == set()


def test_a_plain_install_imports_from_its_own_files_beside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    rooms = "; ".join(f"import codeopt.{room}" for room in ROOMS)
    code = f"{rooms}; import codeopt.evals.humaneval, codeopt.agent.tasks.detect as d; print(d.__file__)"
    assert python(code, path=tmp_path / "site") == str(tmp_path / "site/codeopt/agent/tasks/detect.py")


def test_every_example_is_found_by_its_folders_name_and_has_inputs() -> None:
    folders = [path for path in sorted((ROOT / "examples").iterdir()) if (path / "codeopt.toml").is_file()]
    assert len(folders) >= 9
    for folder in folders:
        file = next(
            path for path in folder.iterdir() if path.stem == folder.name and path.suffix in (".py", ".cpp")
        )
        if file.suffix == ".cpp" and not fingerprint().get("compilers"):
            continue
        task = detect(file)
        assert task.inputs or task.cases


def test_the_fingerprint_is_plain_data_and_leaves_out_what_is_not_there() -> None:
    found = fingerprint(["pydantic", "no-such-distribution"])
    assert json.loads(json.dumps(found)) == found
    assert found["libraries"] == {"pydantic": importlib.metadata.version("pydantic")}
    assert {"cpu", "cores", "memory_gb", "kernel", "distro", "python", "codeopt"} <= set(found)


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert codeopt.__version__ == version


def test_links_within_the_repository_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in tracked()
        if path.suffix == ".md"
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", re.sub(r"`[^`]*`", "", path.read_text(encoding="utf-8")))
        if not (path.parent / link).exists()
    ]
    assert broken == []
