"""NumPy, pandas, Arrow and torch values cross with their dtypes; each part skips where its package is absent."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import pytest

from codeopt.sandbox.compare import compare
from codeopt.sandbox.runner.codec import Unencodable, decode_live, decode_plain, encode


def again(value: Any) -> Any:
    data = encode(value)
    decode_plain(data)
    back = decode_live(data)
    assert type(back) is type(value)
    assert compare(data, encode(back)) is None
    return back


RECORD = np.dtype({"names": ["a", "b"], "formats": ["i2", ("f8", (2,))], "offsets": [0, 8], "itemsize": 32})


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(24).reshape(2, 3, 4)[:, ::2, ::-1],
        np.asfortranarray(np.ones((2, 3), ">f4")),
        np.array(5),
        np.zeros((0, 3), "u1"),
        np.array([True, False]),
        np.array([1 + 2j], "c8"),
        np.array(["2024-01-01", "NaT"], "M8[ns]"),
        np.array([1, 2], "m8[s]"),
        np.array(["é", "ab"]),
        np.array([b"a", b"bc"]),
        np.array(["", ""], "U0") if np.dtype("U0").itemsize == 0 else np.array([""]),
        np.zeros(3, RECORD),
        np.array([(1, "x")], dtype=[("n", "i4"), ("s", "U3")]),
        np.array([1.5], np.longdouble),
        np.array([1.5, np.nan], "f2"),
        np.array([None, 1, "a", (1, [2])], dtype=object),
        np.array([(1, None)], dtype=[("n", "i4"), ("o", "O")]),
    ],
    ids=lambda a: str(a.dtype),
)
def test_arrays(array: Any) -> None:
    back = again(array)
    assert back.dtype == array.dtype and back.shape == array.shape
    assert repr(back.tolist()) == repr(array.tolist())
    assert back.flags.writeable


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_numpy_scalars_and_what_stands_around_arrays() -> None:
    for value in (
        np.float64(1.5),
        np.float32(0.1),
        np.int8(3),
        np.bool_(True),
        np.str_("é"),
        np.bytes_(b"a"),
    ):
        assert again(value) == value
    assert again(np.datetime64("2024-01-01", "D")) == np.datetime64("2024-01-01", "D")
    assert again(np.zeros(1, RECORD)[0]).dtype == RECORD
    assert again(np.dtype("f4")) == np.dtype("f4") and again(RECORD) == RECORD
    assert again(np.add) is np.add and again(np.float32) is np.float32
    masked = again(np.ma.array([1.0, 2.0], mask=[True, False], fill_value=7))
    assert masked.mask.tolist() == [True, False] and masked.fill_value == 7 and masked.sum() == 2
    matrix = again(np.matrix([[1, 2]]))
    assert matrix.shape == (1, 2)
    assert again(np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])).a.tolist() == [1]
    rng = np.random.default_rng(3)
    rng.random(5)
    assert again(rng).random() == rng.random()
    old = np.random.RandomState(3)
    old.normal()
    assert again(old).normal() == old.normal()


def test_bytearrays_in_object_arrays_stay_bytearrays() -> None:
    array = np.array([bytearray(b"\xc4"), b"\xc4", np.zeros(2)], dtype=object)
    back = again([array, collections.deque([bytearray()])])
    assert [type(x) for x in back[0]] == [bytearray, bytes, np.ndarray]


def pandas_values() -> list[Any]:
    pd = pytest.importorskip("pandas")
    times = pd.to_datetime(["2024-01-01", None, "2024-03-31"])
    frame = pd.DataFrame(
        {
            "i": [1, 2, 3],
            "f": [1.5, np.nan, -0.0],
            "s": ["a", None, "c"],
            "o": pd.Series([1, "x", None], dtype=object),
            "c": pd.Categorical(["a", "b", "a"], categories=["b", "a"], ordered=True),
            "n": pd.array([1, None, 3], dtype="Int64"),
            "b": pd.array([True, None, False], dtype="boolean"),
            "g": pd.array([1.5, None, 2.5], dtype="Float32"),
            "t": times,
            "z": times.tz_localize("Europe/Paris"),
            "d": times - times[0],
            "p": pd.PeriodIndex(["2024-01", "2024-02", None], freq="M"),
            "v": pd.interval_range(0, 3),
            "x": pd.array(["a", None, "b"], dtype="string"),
        }
    )
    wide = pd.DataFrame(np.arange(6.0).reshape(2, 3), index=["r", "s"])
    double = pd.DataFrame(
        [[1, 2], [3, 4]],
        columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)], names=["k", None]),
        index=pd.MultiIndex.from_product([["x"], pd.to_datetime(["2024-01-01", "2024-01-02"])]),
    )
    same_names = pd.DataFrame([[1, "a"]], columns=["c", "c"])
    return [
        frame,
        wide,
        double,
        same_names,
        pd.DataFrame(),
        pd.DataFrame(index=[1, 2]),
        frame["z"],
        pd.Series([1, 2], name=("a", 1), index=pd.Index([5, 6], name="k")),
        pd.Series(dtype="float32"),
        frame.columns,
        frame.index,
        double.index,
        pd.date_range("2024-01-01", periods=3, freq="D", tz="UTC"),
        pd.CategoricalIndex(["a", "b"]),
        pd.IntervalIndex.from_breaks([0, 1, 2]),
        frame["n"].array,
        frame["c"].array,
        pd.Timestamp("2024-10-27 00:30", tz="UTC").tz_convert("Europe/Paris"),
        pd.Timestamp("2024-01-01"),
        pd.Timedelta("1 day"),
        pd.Period("2024-01", freq="M"),
        pd.Interval(1, 2, closed="left"),
        pd.NaT,
        pd.NA,
        pd.Int64Dtype(),
        pd.CategoricalDtype(["a"], ordered=True),
    ]


def test_pandas_values_come_back() -> None:
    pd = pytest.importorskip("pandas")
    for value in pandas_values():
        back = again(value)
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(back, value)
        elif isinstance(value, pd.Series):
            pd.testing.assert_series_equal(back, value)
        elif isinstance(value, pd.Index):
            pd.testing.assert_index_equal(back, value)
        elif isinstance(value, pd.api.extensions.ExtensionArray):
            pd.testing.assert_extension_array_equal(back, value)
        else:
            assert back is value or back == value


def test_frames_that_differ_and_frames_that_do_not() -> None:
    pd = pytest.importorskip("pandas")

    def differ(a: Any, b: Any) -> str:
        return str(compare(encode(a), encode(b)))

    frame = pd.DataFrame({"a": [1, 2], "b": [0.1 + 0.2, np.nan], "c": ["x", None]})
    assert differ(frame, frame.assign(b=[0.3, np.nan])) == "None"
    assert differ(frame, frame.set_index(pd.Index([0, 1]))) == "None"
    assert differ(frame, frame.assign(a=[1, 3])).startswith("result['a'][1]: expected 2, got 3")
    assert "nan" in differ(frame, frame.assign(b=[0.3, 0.0]))
    assert differ(frame, frame[["b", "a", "c"]]).startswith("result.columns[0]")
    assert differ(frame, frame.astype({"a": "float64"})).startswith(
        "result['a']: expected array of dtype <i8"
    )
    assert differ(frame, frame.set_index(pd.Index([1, 2]))).startswith("result.index")
    assert differ(frame, frame.assign(c=["x", "y"])).startswith("result['c']")
    assert differ(frame["a"], frame["a"].rename("z")).startswith("result.name")
    assert differ(frame, frame.head(1)) != "None"
    assert differ(frame["a"], frame["a"].astype("Int64")) != "None"
    nullable = pd.Series([1, None], dtype="Int64")
    assert differ(nullable, nullable.fillna(1)) != "None"
    levels = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    assert differ(levels[:1], pd.MultiIndex.from_tuples([("a", 1)])) == "None"
    assert differ(frame, frame.to_dict()) != "None"


def test_a_sparse_frame_is_named_as_not_encodable() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])})
    with pytest.raises(Unencodable, match=r"pandas array of dtype Sparse"):
        encode([frame])


def test_arrow_values_come_back() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table(
        {
            "i": pa.array([1, None, 3]),
            "f": pa.array([0.1, 0.2, None], pa.float32()),
            "s": ["a", None, "é"],
            "l": [[1], [], None],
            "t": pa.array([1, 2, None], pa.timestamp("us", "UTC")),
            "m": pa.array([{"x": 1}, None, {"x": 2}]),
        }
    )
    for value in (
        table,
        table.to_batches()[0],
        table["i"].combine_chunks(),
        table["s"],
        pa.scalar(3),
        pa.int32(),
        table.schema,
    ):
        assert again(value).equals(value)
    chunked = pa.chunked_array([[1], [2, 3]])
    assert compare(encode(chunked), encode(pa.chunked_array([[1, 2, 3]]))) is None
    other = table.set_column(0, "i", pa.array([1, None, 4]))
    assert compare(encode(table), encode(other)) is not None
    assert compare(encode(table), encode(table.rename_columns(["j", "f", "s", "l", "t", "m"]))) is not None
    close = pa.table({"x": [0.1 + 0.2]})
    assert compare(encode(close), encode(pa.table({"x": [0.3]}))) is None


def test_tensors_come_back() -> None:
    torch = pytest.importorskip("torch")
    for value in (
        torch.arange(6.0).reshape(2, 3),
        torch.arange(6).reshape(2, 3).T,
        torch.tensor(2.5, dtype=torch.bfloat16),
        torch.tensor([1.0, float("nan")], dtype=torch.float16),
        torch.tensor([True]),
        torch.zeros(0, 3),
        torch.tensor([1 + 2j]).conj(),
        torch.ones(2, requires_grad=True),
    ):
        back = decode_live(encode(value))
        assert back.dtype == value.dtype and back.shape == value.shape
        assert torch.equal(torch.nan_to_num(back), torch.nan_to_num(value.detach()))
    assert again(torch.float32) is torch.float32
    assert again(torch.device("cpu")) == torch.device("cpu")
    assert again(torch.Size([2, 3])) == torch.Size([2, 3])

    def differ(a: Any, b: Any) -> str:
        return str(compare(encode(a), encode(b)))

    ones = torch.ones(2, 2, dtype=torch.bfloat16)
    assert differ(ones, ones * 1.01) == "None"
    assert differ(ones, ones * 1.1).startswith("result[0, 0]: expected 1.0")
    assert differ(ones, ones.float()) != "None"
    assert differ(torch.zeros(2), torch.zeros(3)) != "None"
    assert differ(torch.tensor([1.0]), torch.tensor([float("nan")])) != "None"
    with pytest.raises(Unencodable, match="not dense"):
        encode(torch.eye(2).to_sparse())
