"""What calling a method on a value, or a function with it, says about the value: (kind, weight)."""

from __future__ import annotations

NUMPY_LIKE = ("np", "numpy", "jnp")


def _methods(kind: str, weight: float, names: str) -> dict[str, tuple[tuple[str, float], ...]]:
    return {name: ((kind, weight),) for name in names.split()}


METHODS: dict[str, tuple[tuple[str, float], ...]] = {
    **_methods(
        "str",
        3,
        "split lower upper strip lstrip rstrip replace startswith endswith isdigit isalpha isupper islower "
        "isspace isalnum join format splitlines title capitalize swapcase casefold find rfind zfill center ljust "
        "rjust encode translate partition rpartition rsplit isnumeric isdecimal isidentifier expandtabs",
    ),
    **_methods("list", 2, "append extend insert sort reverse"),
    **_methods("dict", 3, "items keys values get setdefault popitem"),
    **_methods("set", 2, "add discard union intersection difference issubset issuperset symmetric_difference"),
    **_methods("array", 3, "shape dtype T reshape astype ndim flatten ravel dot argmax argmin cumsum"),
    **_methods(
        "frame", 4, "groupby iterrows itertuples merge columns loc iloc sort_values fillna pivot_table drop assign"
    ),
    **_methods("bytes", 3, "decode hex"),
    "pop": (("list", 0.5), ("dict", 0.2)),
    "popleft": (("list", 1),),
    "count": (("iterable", 0.5), ("str", 0.2)),
    "index": (("iterable", 0.5), ("str", 0.2)),
    "remove": (("list", 1),),
    "copy": (("list", 0.2), ("dict", 0.2)),
    "update": (("dict", 0.5), ("set", 0.5)),
    "is_integer": (("float", 2),),
    "bit_length": (("int", 3),),
    "mean": (("array", 1),),
    "sum": (("array", 1),),
}

CALLS: dict[str, tuple[str, ...]] = {
    "len": ("sized",),
    "sum": ("iterable:num",),
    "max": ("iterable:ordered",),
    "min": ("iterable:ordered",),
    "any": ("iterable",),
    "all": ("iterable",),
    "abs": ("num",),
    "round": ("float", "int"),
    "divmod": ("int", "int"),
    "pow": ("int", "int", "int"),
    "bin": ("int",),
    "hex": ("int",),
    "chr": ("int",),
    "ord": ("str",),
    "int": ("digits",),
    "float": ("digits",),
    "Counter": ("iterable",),
    "map": ("", "iterable"),
    "filter": ("", "iterable"),
    "reduce": ("", "iterable"),
    "Counter.*": ("iterable",),
    "collections.Counter": ("iterable",),
    "itertools.*": ("iterable", "int"),
    "functools.reduce": ("", "iterable"),
    "math.gcd": ("int", "int"),
    "math.factorial": ("int",),
    "math.comb": ("int", "int"),
    "math.isqrt": ("int",),
    "math.prod": ("iterable:num",),
    "math.fsum": ("iterable:num",),
    "math.*": ("num", "num"),
    "re.compile": ("str",),
    "re.split": ("", "str"),
    "re.sub": ("", "", "str"),
    "re.*": ("", "str"),
    "json.loads": ("str",),
    "bisect.*": ("list:num", "num"),
    "bisect_left": ("list:num", "num"),
    "bisect_right": ("list:num", "num"),
    "heapq.heapify": ("list:num",),
    "heapq.heappop": ("list:num",),
    "heapq.*": ("", "iterable"),
    "statistics.*": ("iterable:num",),
    "pd.*": ("frame",),
}
