"""JSON lines and Parquet as rows of text, read by Python workers: Spark's own readers turn a wrong type into null or a guess.

The functions travel by value: a worker needs pyarrow, not this package.
"""

import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakeloop.core.contract import TableContract
from lakeloop.core.personal import MASK
from lakeloop.spark.rules import HEADER_AGAIN

UNREADABLE = "unreadable: "  # stands where a Parquet file's header would
OF_LINE = {"_file": "string", "_block": "bigint", "_at": "bigint", "_row": "string", "_is_odd": "boolean"}
AS_READ = {"_cells": "array<string>", "_fault": "string", "_wrong": "string"}
_SCHEMA = ", ".join(f"{name} {type_}" for name, type_ in (OF_LINE | AS_READ).items())
_FITS = {  # what a JSON or Parquet value may be for a column of a type
    "string": {"string"},
    "int": {"number"},
    "double": {"number"},
    "decimal": {"number", "string"},
    "bool": {"bool"},
    "date": {"date", "string"},
    "timestamp": {"moment", "string"},
}
_KINDS: dict[str, tuple[Callable[[pa.DataType], bool], ...]] = {
    "string": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null),
    "number": (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal),
    "bool": (pa.types.is_boolean,),
    "date": (pa.types.is_date,),
    "moment": (pa.types.is_timestamp,),
}
_PIECE = 1 << 23  # bytes of Parquet's rows that are made into text together
_Columns = Sequence[tuple[str, str]]
_Batches = Iterator[pa.RecordBatch]

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]


class Number(str):
    """A JSON number as it was written."""


class RepeatedKey(ValueError):
    """A JSON object names a key twice."""


class Read(NamedTuple):
    """A row as text: its cells in the contract's order, why it cannot be read, and the columns of a wrong JSON type."""

    cells: list[str | None]
    fault: str | None
    wrong: str | None
    shown: str = ""  # what quarantine may keep of a row of JSON that can be read


def with_json_cells(lines: DataFrame, contract: TableContract) -> DataFrame:
    """Lines of JSON with their cells."""
    return _mapped(lines.select(*OF_LINE), partial(_json_batches, _named_types(contract), _personal(contract)))


def parquet_lines(files: DataFrame, contract: TableContract) -> DataFrame:
    """Every row of whole Parquet files as a line of JSON with its cells; line 0 holds the names of the columns."""
    return _mapped(files.select("path", "content"), partial(_parquet_batches, _named_types(contract), _personal(contract)))


def composed(text: str | None) -> str | None:
    """A text in Unicode's composed form (NFC)."""
    return None if text is None else unicodedata.normalize("NFC", text)


def composed_cells(cells: Sequence[str | None] | None) -> tuple[str | None, ...] | None:
    """The cells of a line, each composed for itself."""
    return None if cells is None else tuple(map(composed, cells))


def _mapped(frame: DataFrame, read: Callable[[Iterable[pa.RecordBatch]], _Batches]) -> DataFrame:
    # a client's schema says "string collate UTF8_BINARY", which Delta would keep and no other reader knows
    names = OF_LINE | AS_READ
    return frame.mapInArrow(read, _SCHEMA).select(*(F.col(name).cast(kind).alias(name) for name, kind in names.items()))


def _named_types(contract: TableContract) -> tuple[tuple[str, str], ...]:
    return tuple((column.name, column.type) for column in contract.columns)


def _personal(contract: TableContract) -> frozenset[str]:
    return frozenset(column.name for column in contract.columns if column.personal)


def _json_batches(columns: _Columns, hidden: frozenset[str], batches: Iterable[pa.RecordBatch]) -> _Batches:
    decoder = json.JSONDecoder(object_pairs_hook=_once, parse_int=Number, parse_float=Number, parse_constant=Number)
    for batch in batches:
        read = [_json_row(columns, hidden, decoder, text) for text in batch.column("_row").to_pylist()]
        if hidden:
            shown = pa.array([row.shown for row in read], pa.string())
            batch = batch.set_column(batch.schema.get_field_index("_row"), "_row", shown)
        yield pa.RecordBatch.from_arrays([*batch.columns, *_arrays(read)], names=[*batch.schema.names, *AS_READ])


def _json_row(columns: _Columns, hidden: frozenset[str], decoder: json.JSONDecoder, text: str) -> Read:
    try:
        row = decoder.decode(text.removeprefix("\ufeff").strip())
        if "\\u" in text:
            json.dumps(row, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except RepeatedKey:
        return Read([], "repeated_key", None)
    except (ValueError, RecursionError):
        return Read([], "malformed", None)
    if not isinstance(row, dict):
        return Read([], "malformed", None)
    if row.keys() - {name for name, _ in columns}:
        return Read([], "unknown_key", None)
    kinds = [(name, _kind(row.get(name)) in {None, *_FITS[type_]}) for name, type_ in columns]
    cells, wrong = [_text(row.get(name)) for name, _ in columns], _wrong(name for name, fits in kinds if not fits)
    return Read(cells, None, wrong, _masked(row, hidden) if hidden else text)


def _masked(row: dict[str, Any], hidden: frozenset[str]) -> str:
    """The object written anew, without what is personal in it."""
    shown = {name: MASK if name in hidden and value is not None else value for name, value in row.items()}
    return f"{{{', '.join(f'{json.dumps(name)}: {_json(value)}' for name, value in shown.items())}}}"


def _json(value: Any) -> str:
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise RepeatedKey
    return row


def _kind(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Number):
        return "number"
    return "string" if isinstance(value, str) else "nested"


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str):
        return composed(value) or None
    return json.dumps(value, ensure_ascii=False)


def _wrong(names: Iterable[str]) -> str | None:
    found = " ".join(names)
    return f" {found} " if found else None


def _parquet_batches(columns: _Columns, hidden: frozenset[str], batches: Iterable[pa.RecordBatch]) -> _Batches:
    for batch in batches:
        for path, content in zip(batch.column("path"), batch.column("content"), strict=True):
            yield from _parquet_file(columns, hidden, path.as_py(), content.as_buffer())


def _parquet_file(columns: _Columns, hidden: frozenset[str], path: str, content: pa.Buffer) -> _Batches:
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        yield _lines(path, 0, [json.dumps(file.schema_arrow.names)], [Read([], HEADER_AGAIN, None)])  # no row, and no good one
        at = 1
        for rows in _pieces(pq.ParquetFile(pa.BufferReader(content), read_dictionary=_texts(file.schema_arrow))):
            texts = {name: _column(rows.column(place)) for place, name in enumerate(rows.schema.names)}
            shown = texts | {name: _hidden(texts[name][1]) for name in hidden & texts.keys()}
            yield _lines(path, at, _as_json(shown, rows.num_rows), _read(columns, texts, rows.num_rows))
            at += rows.num_rows
    except (pa.ArrowException, OSError) as error:
        yield _lines(path, -1, [f"{UNREADABLE}{error}"], [Read([], None, None)])


def _texts(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]


def _pieces(file: Any) -> _Batches:
    """Rows that are a few megabytes written out, however small they are in the file: a text that repeats stands there once."""
    for rows in file.iter_batches(batch_size=4096):
        step = max(1, rows.num_rows * _PIECE // max(sum(map(_written, rows.columns)), 1))
        yield from (rows.slice(at, step) for at in range(0, rows.num_rows, step))


def _written(values: pa.Array) -> int:
    """The bytes of a column as text."""
    if not pa.types.is_dictionary(values.type) or not pa.types.is_string(values.type.value_type):
        return int(values.nbytes)
    return pc.sum(pc.take(pc.binary_length(values.dictionary), values.indices)).as_py() or 0


def _column(values: pa.Array) -> tuple[str, list[str | None]]:
    """What kind of values a Parquet column holds, and each as text; Arrow writes numbers so that they read back the same."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = next((name for name, is_one in _KINDS.items() if any(is_(values.type) for is_ in is_one)), "nested")
    if kind == "nested":
        return kind, [
            None if value is None else json.dumps(value, default=str, ensure_ascii=False) for value in values.to_pylist()
        ]
    if pa.types.is_decimal(values.type):
        return kind, [None if value is None else _without_zeros(format(value, "f")) for value in values.to_pylist()]
    texts = values.cast(pa.string())
    if pa.types.is_floating(values.type):
        texts = _in_digits(values.cast(pa.float64()), texts)
    if kind == "moment":
        texts = pc.replace_substring_regex(texts, r"(\.\d{6})000(Z|[+-]\d{4}|$)", r"\1\2")  # whole microseconds
    return kind, texts.to_pylist()


def _in_digits(numbers: pa.Array, texts: pa.Array) -> pa.Array:
    """The texts, of whole numbers without an exponent, which no int has: pandas makes doubles of ints with gaps.

    Beyond 2^53 it is kept, since a double does not tell one whole number from the next.
    """
    size = pc.abs(numbers)
    is_whole = pc.and_(pc.less(size, 2.0**53), pc.equal(pc.trunc(numbers), numbers))
    is_long = pc.and_(is_whole, pc.greater_equal(size, 1e9))
    return pc.if_else(is_long, pc.if_else(is_long, numbers, 0.0).cast(pa.int64()).cast(pa.string()), texts)


def _without_zeros(number: str) -> str:
    """A decimal's text without the zeros that its type put behind it; Decimal.normalize would round it to 28 digits."""
    return number.rstrip("0").rstrip(".") if "." in number else number


def _hidden(texts: list[str | None]) -> tuple[str, list[str | None]]:
    return "string", [None if text is None else MASK for text in texts]


def _as_json(columns: dict[str, tuple[str, list[str | None]]], rows: int) -> list[str]:
    tokens = [[f"{json.dumps(name)}: {_token(kind, text)}" for text in texts] for name, (kind, texts) in columns.items()]
    return [f"{{{', '.join(row)}}}" for row in zip(*tokens, strict=True)] if tokens else ["{}"] * rows


def _token(kind: str, text: str | None) -> str:
    if text is None:
        return "null"
    is_bare = kind in {"bool", "nested"} or (kind == "number" and text[-1].isdigit())
    return text if is_bare else json.dumps(text, ensure_ascii=False)


def _read(columns: _Columns, found: dict[str, tuple[str, list[str | None]]], rows: int) -> list[Read]:
    nothing: list[str | None] = [None] * rows
    texts = [[composed(text) or None for text in found[name][1]] if name in found else nothing for name, _ in columns]
    unfit = [name for name, type_ in columns if name in found and found[name][0] not in _FITS[type_]]
    wrong = [_wrong(name for name in unfit if found[name][1][at] is not None) if unfit else None for at in range(rows)]
    return [Read(list(cells), None, why) for cells, why in zip(zip(*texts, strict=True), wrong, strict=True)]


def _lines(path: str, first: int, rows: Sequence[str], read: Sequence[Read]) -> pa.RecordBatch:
    count = len(rows)
    numbers = pa.array(range(first, first + count), pa.int64())
    own = [pa.array([path] * count, pa.string()), pa.array([0] * count, pa.int64()), numbers, pa.array(rows, pa.string())]
    return pa.RecordBatch.from_arrays([*own, pa.array([True] * count), *_arrays(read)], names=[*OF_LINE, *AS_READ])


def _arrays(read: Sequence[Read]) -> list[pa.Array]:
    cells = pa.array([row.cells for row in read], pa.list_(pa.string()))
    return [cells, *(pa.array([row[at] for row in read], pa.string()) for at in (1, 2))]
