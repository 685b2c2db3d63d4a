"""Deprecated names, held against the libraries that are installed here, and the versions a program ran under."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import importlib.util
import platform
import warnings

import pytest

from codeopt.datasets.deprecated import _number, deprecated, versions_of
from codeopt.datasets.deprecations import GROUPS, OLDEST
from codeopt.imports import imported


def there(name: str) -> bool:
    """Whether a dotted name can be reached here."""
    parts = name.split(".")
    with warnings.catch_warnings(action="ignore"):
        for at in range(len(parts), 0, -1):
            try:
                found = importlib.import_module(".".join(parts[:at]))
            except ImportError:
                continue
            try:
                for part in parts[at:]:
                    found = getattr(found, part)
            except AttributeError:
                return False
            return True
    return False


@pytest.mark.parametrize("library", OLDEST)
def test_the_table_agrees_with_what_is_installed(library: str) -> None:
    if library != "python" and importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    version = platform.python_version() if library == "python" else importlib.metadata.version(library)
    only_windows, seen = {"msilib"}, 0
    for group in GROUPS:
        if group.library != library or group.kind != "name":
            continue
        gone = bool(group.removed) and _number(version) >= _number(group.removed)
        for name in group.names.split():
            if name == "scipy.interpolate.interp2d" or name in only_windows:  # a stub that raises; not on this system
                continue
            assert there(name) != gone, (name, version)
            seen += 1
    assert seen > 5


def test_the_table_is_well_formed() -> None:
    names = [(group.kind, name) for group in GROUPS for name in group.names.split()]
    assert len(names) == len(set(names)) and len(names) > 60
    for group in GROUPS:
        assert group.page.startswith("https://") and group.library in OLDEST
        assert not group.removed or _number(group.since) <= _number(group.removed)


def test_names_are_followed_through_imports() -> None:
    text = """
import numpy as np, scipy.integrate
from datetime import datetime as dt
from collections import Mapping, OrderedDict
import imp

def f(x, trapz):
    np.trapz(x); trapz(x); x.trapz()
    return np.float_(1), dt.utcnow(), scipy.integrate.simps(x), np.sum(x), isinstance(x, Mapping)
"""
    now = deprecated(text, {"python": "3.12.4", "numpy": "2.1.0", "scipy": "1.13.1"})
    assert now == (
        "collections.Mapping (removed in 3.10)",
        "datetime.datetime.utcnow (deprecated in 3.12)",
        "imp (removed in 3.12)",
        "numpy.float_ (removed in 2.0)",
        "numpy.trapz (deprecated in 2.0)",
        "scipy.integrate.simps (deprecated in 1.12)",
    )
    assert deprecated(text, {"python": "3.9", "numpy": "1.26", "scipy": "1.11"}) == (
        "collections.Mapping (deprecated in 3.3)", "imp (deprecated in 3.4)",
    )  # fmt: skip
    assert deprecated(text, {}) == (
        "collections.Mapping (removed in 3.10)", "numpy.float_ (removed in 2.0)", "scipy.integrate.simps (removed in 1.14)",
    )  # fmt: skip


def test_methods_count_where_their_library_is_imported() -> None:
    frame = "def f(df):\n    return df.applymap(str)\n"
    assert deprecated("import pandas as pd\n" + frame, {"pandas": "2.2.0"}) == ("pandas: .applymap (deprecated in 2.1)",)
    assert deprecated(frame, {"pandas": "2.2.0"}) == ()
    tree = "import numpy\nimport xml.etree.ElementTree as ET\nET.tostring(x)\n"
    assert deprecated(tree, {"numpy": "2.4"}) == ()


@pytest.mark.parametrize("text", ["", "int main() {}", "print 'a'", "\x00", "(" * 5000, "-" * 100_000 + "1"])
def test_what_is_no_python_has_none(text: str) -> None:
    assert deprecated(text, {"python": "3.14"}) == ()
    assert versions_of(text, {"interpreter": "3.12.1"}) == {"python": "3.12.1"}


def test_versions_are_those_of_the_run() -> None:
    machine = {
        "python": "3.11.7", "interpreter": "3.13.0", "compilers": {"g++": "13.2.0"},
        "libraries": {"numpy": "2.1.0", "scikit-learn": "1.5.0", "numba": "0.61"}, "provides": {"sklearn": "scikit-learn"},
    }  # fmt: skip
    text = "import os, sys\nimport numpy.linalg as la\nfrom sklearn import tree\nfrom .numba import x\nimport unknown\n"
    assert versions_of(text, machine) == {"python": "3.13.0", "numpy": "2.1.0", "scikit-learn": "1.5.0"}
    assert versions_of("int main() {}", machine, "cpp") == {"g++": "13.2.0"}
    assert versions_of(text, {"libraries": "x", "python": "3.11.7"}) == {"python": "3.11.7"} and versions_of("x", {}) == {}
    assert imported(ast.parse(text)) == {"numpy", "sklearn", "unknown"}
