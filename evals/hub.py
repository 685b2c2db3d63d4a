"""The suites' data from the Hugging Face hub, for those who have no copy of their own."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from codeopt.errors import UserError

REACH_S = 5.0
ENAMEL = ("q-rz/enamel", "dataset/enamel.csv")
HUMANEVAL = ("openai/openai_humaneval", "openai_humaneval/test-00000-of-00001.parquet")


def fetch(repository: str, file: str) -> Path:
    """A file of a dataset, from the hub's cache where it is there already.

    Raises:
        UserError: huggingface_hub is not installed, the hub cannot be reached, or it has no such file.
    """
    hint = "give --data PATH, or set CODEOPT_DATA"
    try:
        from huggingface_hub import constants, hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError:
        raise UserError("no data folder", f'{hint}; or pip install "codeopt[data]" to take it from the hub') from None
    try:
        return Path(hf_hub_download(repository, file, repo_type="dataset", local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    try:
        _reach(constants.ENDPOINT)
        return Path(hf_hub_download(repository, file, repo_type="dataset"))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        why = str(error).strip().splitlines()[0][:200]
        raise UserError(f"no data folder, and {repository} cannot be taken from the hub ({why})", hint) from None


def _reach(address: str) -> None:
    """Raises OSError where nobody answers: the hub's own client tries for half a minute, and says so each time."""
    parts = urlsplit(address)
    if parts.scheme not in getproxies() and parts.hostname:
        socket.create_connection((parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)), REACH_S).close()


def canonical() -> list[str]:
    """HumanEval's own solutions, prompt and body, by number. Raises UserError as `fetch`."""
    import pyarrow.parquet  # type: ignore[import-untyped]

    rows = pyarrow.parquet.read_table(fetch(*HUMANEVAL), columns=["task_id", "prompt", "canonical_solution"]).to_pylist()
    rows.sort(key=lambda row: int(row["task_id"].rpartition("/")[2]))
    return [row["prompt"] + row["canonical_solution"] for row in rows]
