"""Publishing a dataset on the Hugging Face hub (or the server in HF_ENDPOINT)."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from codeopt.datasets.store import Dataset, Manifest
from codeopt.errors import UserError

_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def checked_name(repo: str) -> str:
    """The name of a dataset on the hub. Raises UserError where it is none."""
    if not _NAME.fullmatch(repo):
        raise UserError(f"{repo!r} is no name of a dataset on the hub", "give --repo ORG/NAME")
    return repo


def licences(manifest: Manifest, unknown_ok: bool) -> dict[str, str]:
    """Source -> its licence. Raises UserError where a source has none and that is not said to be all right."""
    unknown = sorted(name or "a source without a name" for name, licence in manifest.sources.items() if not licence)
    if unknown and not unknown_ok:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise UserError(f"nobody said what the licence of {unknown[0]}{more} is", "import with --licence, or push with --licence-unknown-ok")
    return dict(manifest.sources)


def files_of(folder: Path) -> dict[str, int]:
    """What goes to the hub: name -> bytes."""
    found = [folder / "README.md", folder / "dataset.json", *sorted((folder / "data").rglob("*.parquet"))]
    return {str(file.relative_to(folder)): file.stat().st_size for file in found if file.is_file()}


def upload(dataset: Dataset, repo: str, public: bool) -> str:
    """Put a dataset on the hub in one commit; data of an earlier push that is not in it goes. Returns its address.

    Raises:
        UserError: huggingface_hub is missing, the hub cannot be reached or refuses, or the dataset that is there is public
            where `public` is not said, or the other way round.
    """
    try:
        import huggingface_hub
        from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
    except ImportError:
        raise UserError("the hub needs huggingface_hub", 'pip install "codeopt[data]"') from None
    of_http: Any = HfHubHTTPError.__mro__[1]  # its HTTP library's error, whichever library that is
    api = huggingface_hub.HfApi()
    try:
        try:
            there: Any = api.dataset_info(repo)
        except RepositoryNotFoundError:
            there = None
        if there is not None and there.private == public:
            if public:
                raise UserError(f"{repo} is private on the hub", "make it public there, or leave --public out")
            raise UserError(f"{repo} is public on the hub", "--public says that this is meant; or give another --repo")
        if there is None:
            api.create_repo(repo, repo_type="dataset", private=not public)
        new = files_of(dataset.folder)
        old = {file.rfilename for file in there.siblings or ()} if there is not None else set()
        operations: list[Any] = [huggingface_hub.CommitOperationAdd(name, dataset.folder / name) for name in new]
        operations += [huggingface_hub.CommitOperationDelete(name) for name in sorted(old - set(new)) if name.startswith("data/")]
        pairs = sum(dataset.manifest.rows.get("pairs", {}).values())
        # upload_folder would make several commits, with half of the data visible between them.
        done = api.create_commit(
            repo, operations, repo_type="dataset", commit_message=f"{pairs} pairs, by codeopt {dataset.manifest.codeopt}"
        )
    except (of_http, OSError, ValueError) as error:
        raise _refused(error, repo) from None
    return str(done.repo_url)


def _refused(error: Exception, repo: str) -> UserError:
    response: Any = getattr(error, "response", None)
    host = os.environ.get("HF_ENDPOINT") or "huggingface.co"
    if response is not None:
        hint = "set HF_TOKEN to a token that may write there" if response.status_code in (401, 403) else "try later; nothing half-done is visible there"
        return UserError(f"the hub ({host}) answered {response.status_code} for {repo}", hint)
    why = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
    return UserError(f"the hub ({host}) cannot be reached ({why})", "check the network, HF_ENDPOINT and HF_TOKEN")
