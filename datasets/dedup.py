"""Duplicates: pairs that are the same, the same but for names and layout, or near; and leaks between splits.

A pair is a program and what is changed in it, so near pairs have near slow programs *and* near changes: two different
changes of one long program are two examples. Near is MinHash over shingles of five tokens, with clusters as in Lee et
al. 2022 ("Deduplicating Training Data Makes Language Models Better") and Allamanis 2019 (code). Of each cluster the pair
stays whose gain is proved best.

A program that two problems of different splits share, on either side, is a leak: the problems go to one split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from codeopt.datasets.lexing import Hashes, hash_of, lex, shingles
from codeopt.datasets.parallel import over_shards
from codeopt.datasets.records import Pair
from codeopt.datasets.rewrite import fresh, rewrite
from codeopt.datasets.sketch import PERMUTATIONS, Sketcher, Sketches, clusters, join, root
from codeopt.datasets.store import SPLITS, Dataset, Filter, Manifest, Shard, batches_of
from codeopt.errors import UserError

Level = Literal["exact", "normalised", "minhash"]
LEVELS: tuple[Level, ...] = ("exact", "normalised", "minhash")
THRESHOLD = 0.8
_COLUMNS = ("language", "flags", "input", "target", "low", "problem_id")
ADDED = 0xC2B2AE3D27D4EB4F
"""Makes a shingle that comes in another one than the same shingle that goes."""


class Duplicates(NamedTuple):
    """What was found.

    Attributes:
        kept: By shard file, which of its pairs stay.
        before: Pairs.
        removed: Pairs that go, by the weakest level that tells: exact, normalised, minhash.
        clusters: Groups of problems of different splits that share a program.
        moved: Problem's hash -> the split that it goes to.
        largest: Problems of the largest such group.
    """

    kept: dict[Path, npt.NDArray[np.bool_]]
    before: int
    removed: dict[str, int]
    clusters: int
    moved: dict[int, str]
    largest: int


class _Found(NamedTuple):
    """The pairs of a shard, and its programs at the level, each once."""

    low: npt.NDArray[np.float64]
    problems: Hashes
    exact: Hashes
    same: Hashes
    sides: Hashes  # (pairs, 2): the hashes of the slow and the fast program
    programs: Hashes
    sketches: Sketches
    changes: Hashes  # hashes of the pairs that `changed` is about
    changed: Sketches


def dedup(source: Dataset, out: Path, level: Level = "minhash", threshold: float = THRESHOLD) -> tuple[Manifest, Duplicates]:
    """Write a dataset without duplicates, and with what is shared in one split.

    Memory: about 700 bytes a pair at level minhash, 100 at the others; programs are streamed.

    Raises:
        UserError: `out` is not empty, or a shard is damaged.
    """
    fresh(out)
    found = find(source, level, threshold)

    def mask(shard: Shard, table: pa.Table) -> Sequence[bool]:
        return found.kept[shard.file].tolist() if shard.config == Pair.config else [True] * len(table)

    def split(problem: str) -> str:
        return found.moved.get(text_hash(problem), "")

    told = f"{told_of(found.removed)}; {found.clusters} groups of problems shared programs across splits: {len(found.moved)} problems moved."
    parameters = {"level": level, **({"threshold": threshold} if level == "minhash" else {})}
    done = Filter(name="dedup", parameters=parameters, before=found.before, after=0, told=told)
    return rewrite(source, out, done=done, mask=mask, split=split), found


def told_of(removed: dict[str, int]) -> str:
    """Counts in words."""
    return ", ".join(f"{count} {name}" for name, count in removed.items()) + " duplicates"


def find(source: Dataset, level: Level, threshold: float) -> Duplicates:
    """Which pairs are duplicates, and which problems have to move. See `dedup`."""
    if not 0.0 < threshold <= 1.0:
        raise UserError(f"--threshold {threshold:g}: not a similarity", "give one above 0, up to 1, like 0.8")
    shards = source.shards(Pair.config)
    found = list(over_shards(_features, shards, (level, threshold)))
    if not found:
        return Duplicates({}, 0, {}, 0, {}, 0)
    low = np.concatenate([one.low for one in found])
    problems, exact, pair, side = (
        np.concatenate([getattr(one, name) for one in found]).astype(np.uint64) for name in ("problems", "exact", "same", "sides")
    )
    same = pair
    if level == "minhash":
        programs, labels = _clustered([(one.programs, one.sketches) for one in found], threshold)
        side = labels[np.searchsorted(programs, side.ravel())].reshape(side.shape).astype(np.uint64)
        changes, changed = _clustered([(one.changes, one.changed) for one in found], threshold)
        pair = side[:, 0] * np.uint64(ADDED) + changed[np.searchsorted(changes, same)].astype(np.uint64)
    kept = _best(pair, low)
    first_exact, first_same = _best(exact, low), _best(same, low)
    removed = {"exact": int((~first_exact).sum())}
    if level != "exact":
        removed["normalised"] = int((first_exact & ~first_same).sum())
    if level == "minhash":
        removed["minhash"] = len(low) - int(kept.sum()) - sum(removed.values())
    places = np.concatenate([np.full(len(one.low), SPLITS.index(shard.split)) for one, shard in zip(found, shards)])
    groups, moved, largest = _leaks(side, problems, places)
    ends = np.cumsum([len(one.low) for one in found])
    parts = dict(zip((shard.file for shard in shards), np.split(kept, ends[:-1])))
    return Duplicates(parts, len(low), removed, groups, moved, largest)


def text_hash(text: str) -> int:
    """64 bits of a text as it stands."""
    return hash_of((text,))


def _features(shard: Shard, asked: tuple[Level, float]) -> _Found:
    level, threshold = asked
    near = level == "minhash"
    sketcher = Sketcher(threshold) if near else None
    low: list[float] = []
    problems: list[int] = []
    exact: list[int] = []
    same: list[int] = []
    sides: list[tuple[int, int]] = []
    programs: dict[int, None] = {}
    sketches: list[Sketches] = []
    changes: dict[int, None] = {}
    changed: list[Sketches] = []
    for batch in batches_of(shard, _COLUMNS):
        new: list[frozenset[int]] = []
        new_changes: list[list[int]] = []
        lexed: dict[tuple[str, str], tuple[int, frozenset[int] | None]] = {}
        for row in batch.to_pylist():
            both = []
            for text in (row["input"], row["target"]):
                key = (row["language"], text)
                if key not in lexed:
                    lexed[key] = _seen(text, row["language"], level)
                number, grams = lexed[key]
                both.append((number, grams))
                if grams is not None and number not in programs:
                    programs[number] = None
                    new.append(grams)
            low.append(row["low"] or 0.0)
            problems.append(text_hash(row["problem_id"]))
            flags = "\0".join(row["flags"] or ())
            exact.append(hash_of((row["language"], flags, row["input"], row["target"])))
            (slow, before), (fast, after) = both
            sides.append((slow, fast))
            same.append(hash_of((row["language"], flags, str(slow), str(fast))) if level != "exact" else exact[-1])
            if before is not None and after is not None and same[-1] not in changes:
                changes[same[-1]] = None
                told = [text_hash(flags)] if flags else []
                new_changes.append([*before - after, *(one ^ ADDED for one in after - before), *told])
        if sketcher is not None:
            sketches.append(sketcher.sketch(new))
            changed.append(sketcher.sketch(new_changes))
    return _Found(
        np.array(low), np.array(problems, np.uint64), np.array(exact, np.uint64), np.array(same, np.uint64),
        np.array(sides, np.uint64).reshape(-1, 2), np.fromiter(programs, np.uint64), _joined(sketches),
        np.fromiter(changes, np.uint64), _joined(changed),
    )  # fmt: skip


def _seen(text: str, language: str, level: Level) -> tuple[int, frozenset[int] | None]:
    """A program's hash at the level, and its shingles where they count."""
    if level == "exact":
        return hash_of((language, text)), None
    tokens = lex(text, language).tokens
    return hash_of((language, *tokens)), shingles(tokens) if level == "minhash" else None


def _joined(parts: Sequence[Sketches]) -> Sketches:
    if not parts:
        return Sketches(np.zeros((0, PERMUTATIONS), np.uint8), np.zeros((0, 0), np.uint64))
    return Sketches(np.concatenate([one.bytes for one in parts]), np.concatenate([one.bands for one in parts]))


def _clustered(parts: Sequence[tuple[Hashes, Sketches]], threshold: float) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """(hashes in order, the cluster of each) of all shards' sets; a set that several shards hold counts once."""
    hashes, where = np.unique(np.concatenate([one for one, _ in parts]), return_index=True)
    all_of = _joined([sketches for _, sketches in parts if len(sketches.bytes)])
    return hashes, clusters(Sketches(all_of.bytes[where], all_of.bands[where]), threshold)


def _best(groups: Hashes, low: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which pairs are the best proved of their group; the first one where two are as good."""
    order = np.lexsort((np.arange(len(low)), -low, groups))
    chosen = np.zeros(len(low), np.bool_)
    if len(low):
        chosen[order[np.concatenate(([True], groups[order[1:]] != groups[order[:-1]]))]] = True
    return chosen


def _leaks(sides: Hashes, problems: Hashes, places: npt.NDArray[np.int64]) -> tuple[int, dict[int, str], int]:
    """(groups that lie across splits, problem -> its new split, problems of the largest such group)."""
    names, index = np.unique(problems, return_inverse=True)
    parent = np.arange(len(names))
    programs, owners = sides.ravel(), np.repeat(index, 2)
    order = np.argsort(programs, kind="stable")
    joined = (programs[order[1:]] == programs[order[:-1]]) & (owners[order[1:]] != owners[order[:-1]])
    for one, other in zip(owners[order[:-1]][joined].tolist(), owners[order[1:]][joined].tolist()):
        join(parent, one, other)
    pairs = Counter(zip((root(parent, one) for one in index.tolist()), places.tolist()))
    across: dict[int, list[int]] = {}
    for group, place in pairs:
        across.setdefault(group, []).append(place)
    goes = {group: max(own, key=lambda place: (pairs[group, place], -place)) for group, own in across.items() if len(own) > 1}
    moved: dict[int, str] = {}
    sizes: Counter[int] = Counter()
    for number, place in sorted(set(zip(index.tolist(), places.tolist()))):
        group = root(parent, number)
        if group in goes:
            sizes[group] += 1
            if goes[group] != place:
                moved[int(names[number])] = SPLITS[goes[group]]
    return len(goes), moved, max(sizes.values(), default=0)
