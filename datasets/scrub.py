"""What must not be published, taken out of a dataset's texts: secrets, e-mail addresses, paths and names of home folders.

Programs stay programs: only what is one of these beyond doubt is touched (`x @ w.T` is no address, `/usr/bin/env` no secret).
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from codeopt.datasets.rewrite import rewrite
from codeopt.datasets.runs import pair_id
from codeopt.datasets.store import Dataset, Filter, Manifest, finish
from codeopt.trace import secrets_of

JSON = frozenset(("body", "extra", "inputs", "machine", "profile", "versions"))
"""Columns that hold JSON: their texts are scrubbed, not the escapes around them."""
HIDDEN = "***"
_SECRETS = re.compile(
    r"""
      \bsk-(?=[\w-]*\d)[\w-]{20,}
    | \bhf_[A-Za-z0-9]{30,}
    | \bgh[pousr]_[A-Za-z0-9]{36,} | \bgithub_pat_\w{22,} | \bglpat-[\w-]{20,}
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b
    | \bAIza[\w-]{35} | \bxox[abprs]-[\w-]{10,} | \bnpm_[A-Za-z0-9]{36} | \bpypi-AgEI[\w-]{50,}
    | \beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    | (?<=://)[^\s/:@"']{1,64}:[^\s/@"']{1,128}(?=@)
    """,
    re.VERBOSE | re.DOTALL,
)
_ASSIGNED = re.compile(
    r"""((?:api|access|auth|secret|private)_?(?:key|token)|password|passwd|secret)(["']?\s*[:=]\s*["'])(?=[^"'\s]*\d)(?=[^"'\s]*[A-Za-z])[^"'\s]{12,}(?=["'])""",
    re.IGNORECASE,
)
# Attributes of matrices that look like the ends of addresses (`a@b.to(device)`) are no names of countries here.
_ADDRESS = re.compile(
    r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,5}"
    r"(?:com|org|net|edu|gov|mil|io|dev|ai|app|info|biz|me|co|ac|uk|de|fr|jp|cn|in|ru|br|it|nl|es|ch|se|no|pl|ca|au|kr|tw|hk|us|eu|localdomain)"
    r"(?![\w(\[]|\.[A-Za-z])"
)
_PART = r"[^\s/\\\"'`<>|:;,*?()\[\]{}$]"
_HOME = re.compile(
    rf"(?<![\w.~])(?:/(?:export/|var/|usr/|private/)?(?:home|Users)/|[A-Za-z]:(?:\\+|/)(?:Users|Documents\ and\ Settings)(?:\\+|/))({_PART}+)((?:(?:\\+|/){_PART}+)*)"
)
_ROOTS = "root|mnt|media|scratch|work|workspaces?|data|nfs|gpfs|lustre|srv|Volumes|var/folders"
_ABSOLUTE = re.compile(rf"(?<![\w.~/\\)\]}}>])/(?:{_ROOTS})((?:/{_PART}+)+)")
_LAST = re.compile(r"[\\/]+")


class Scrubber:
    """Takes out of texts what must not be published.

    Args:
        environment: Values of its variables that look like keys are secrets, too.

    Attributes:
        found: Kind -> how many were taken out.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.found: Counter[str] = Counter()
        self._known = secrets_of(environment)
        home = str(Path.home())
        self._home = home if len(home) > 3 else ""

    def text(self, text: str) -> str:
        """A text without them."""
        for secret in self._known:
            if secret in text:
                self.found["secrets"] += text.count(secret)
                text = text.replace(secret, HIDDEN)
        text = self._each(_SECRETS, "secrets", lambda _: HIDDEN, text)
        text = self._each(_ASSIGNED, "secrets", lambda found: f"{found[1]}{found[2]}{HIDDEN}", text)
        text = self._each(_ADDRESS, "e-mail addresses", lambda _: "user@example.com", text)
        if self._home and self._home in text:
            text = self._each(re.compile(rf"{re.escape(self._home)}(?![\w.-])()((?:/{_PART}+)*)"), "paths", _user, text)
        text = self._each(_HOME, "paths", _user, text)
        return self._each(_ABSOLUTE, "paths", lambda found: "/path/" + _last(found[1]), text)

    def plain(self, value: Any) -> Any:
        """Plain data with its texts, and the names in it, scrubbed."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.plain(inner) for key, inner in value.items()}
        return [self.plain(inner) for inner in value] if isinstance(value, list) else value

    def row(self, config: str, row: dict[str, Any]) -> dict[str, Any]:
        """A row of a recorded configuration; a pair whose programs change is another pair."""
        changed = {name: self._json(value) if name in JSON and value else self.plain(value) for name, value in row.items()}
        if config == "pairs" and any(changed[name] != row[name] for name in ("input", "target")):
            changed["id"] = pair_id(changed["language"], changed["flags"], changed["input"], changed["target"])
        return changed

    def told(self) -> str:
        """What was found, in a line."""
        return ", ".join(f"{count} {kind}" for kind, count in sorted(self.found.items())) or "nothing found"

    def _json(self, text: str) -> str:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text)
        clean = self.plain(value)
        return text if clean == value else json.dumps(clean, separators=(",", ":"))

    def _each(self, pattern: re.Pattern[str], kind: str, put: Callable[[re.Match[str]], str], text: str) -> str:
        def one(found: re.Match[str]) -> str:
            new = put(found)
            self.found[kind] += new != found[0]
            return new

        return pattern.sub(one, text)


def scrubbed(source: Dataset, out: Path, environment: Mapping[str, str] | None = None) -> tuple[Manifest, Scrubber]:
    """Write a dataset without what must not be published: rows, manifest and card.

    Raises:
        UserError: `out` is not empty.
    """
    scrubber = Scrubber(os.environ if environment is None else environment)
    pairs = source.count("pairs")
    rewrite(source, out, done=Filter(name="scrub", before=pairs, after=pairs), change=scrubber.row)
    told = Dataset(out).manifest
    clean = Manifest.model_validate(scrubber.plain(told.model_dump(mode="json")))
    last = clean.filters[-1].model_copy(update={"told": scrubber.told()})
    return finish(out, clean.model_copy(update={"filters": (*clean.filters[:-1], last)})), scrubber


def _user(found: re.Match[str]) -> str:
    return "/home/user" + (f"/{_last(found[2])}" if found[2] else "")


def _last(path: str) -> str:
    return _LAST.split(path)[-1]
