"""Classes whose instances cross the border in the codec's tests: importable, as the user's are."""

from __future__ import annotations

import collections
import dataclasses
import enum
import typing


class Point(typing.NamedTuple):
    x: int
    y: float


Pair = collections.namedtuple("Pair", "left right")


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: int
    b: tuple[int, ...]


@dataclasses.dataclass
class Slotted:
    __slots__ = ("a", "b")
    a: int
    b: str


@dataclasses.dataclass
class Node:
    value: object
    next: object = None


class Plain:
    def __init__(self, **state: object) -> None:
        self.__dict__.update(state)

    def __eq__(self, other: object) -> bool:
        return type(other) is Plain and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]


class Half:
    """A slot that is never set."""

    __slots__ = ("never", "set_")

    def __init__(self, value: object) -> None:
        self.set_ = value


class Colour(enum.Enum):
    RED = 1
    GREEN = "g"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


class MyList(list[object]):
    note: str


class MyDict(dict[str, object]):
    pass


class MyStr(str):
    def __str__(self) -> str:
        return "a lie"

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class MyInt(int):
    def __int__(self) -> int:
        return 42

    def __index__(self) -> int:
        return 42


class Refused(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code


class LiesAboutItsClass:
    """Says that it is a list, that it equals everything, and that it has every attribute."""

    secret = 1

    @property
    def __class__(self):  # type: ignore[no-untyped-def,override]
        return list

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __iter__(self) -> typing.Iterator[int]:
        return iter([1, 2, 3])

    def __reduce__(self) -> typing.Any:
        raise AssertionError("asked for its reduction")

    def __getattribute__(self, name: str) -> typing.Any:
        raise AssertionError(f"asked for {name}")


class LyingMeta(type):
    def __eq__(cls, other: object) -> bool:
        return True

    def __hash__(cls) -> int:
        return hash(int)

    def __getattribute__(cls, name: str) -> typing.Any:
        raise AssertionError(f"asked for {name}")


class LyingType(metaclass=LyingMeta):
    pass


class Handle:
    """Only a user codec can carry it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lock = lambda: number
