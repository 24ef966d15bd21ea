"""Parquet under inspection: opened and read to its end by Arrow, row group by row group, and counted by DuckDB as well."""

import unicodedata
from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakeloop.adapters.file_inspector.columns import check_count, column_fault
from lakeloop.adapters.file_inspector.file import File
from lakeloop.adapters.file_inspector.kinds import PLAINLY
from lakeloop.adapters.file_inspector.parquet_again import check_agreement
from lakeloop.core.errors import BadFile
from lakeloop.core.files import FileShape

_BATCH = 1 << 16
_FAULTS = (pa.ArrowException, OSError, ValueError, MemoryError)
_BY_LOGICAL = {
    "STRING": "text", "ENUM": "text", "JSON": "text", "INT": "int", "DATE": "date", "TIMESTAMP": "timestamp",
    "DECIMAL": "decimal", "UNKNOWN": "null",
}  # fmt: skip
_BY_PHYSICAL = {"INT32": "int", "INT64": "int", "INT96": "timestamp", "FLOAT": "double", "DOUBLE": "double", "BOOLEAN": "bool"}
_NUMBERS = {"int", "double", "decimal", "null"}
_TAKEN = {  # what may stand in a column of a contract's type; whether a value fits is a row's matter
    "string": {"text", "null"}, "int": _NUMBERS, "double": _NUMBERS, "decimal": _NUMBERS | {"text"}, "bool": {"bool", "null"},
    "date": {"date", "text", "null"}, "timestamp": {"timestamp", "text", "null"},
}  # fmt: skip


def inspect_parquet(file: File) -> FileShape:
    """The shape of a Parquet file that a reader may open."""
    if not file.content:
        file.check_rows(0)
        return file.shape.model_copy(update={"rows": 0})
    _check_size(file)
    source = _opened(file)
    columns = [source.schema.column(at) for at in range(len(source.schema))]
    names = [column.path for column in columns]
    check_count(file, len(names))
    plain = {column.path for column in columns if not column.max_repetition_level}
    nested = [at for at, name in enumerate(source.schema_arrow.names, 1) if name not in plain]
    if nested:
        words = f"{file.name}: column {nested[0]} holds lists, maps or structures"
        raise BadFile(words, "header", "deliver it with one plain value a cell")
    if not file.contract.brings(names, file.shape.format):
        raise column_fault(file, names, file.name)
    _check_types(file, source)
    file.check_rows(source.metadata.num_rows)
    _check_unpacked(file, source)
    is_nfc, values = _read_through(file)
    _check_counts(file, source)  # only now: asked of a column that cannot be decoded, Arrow ends the process
    check_agreement(file, file.rows, {name: values[name] for name in names})
    return file.shape.model_copy(update={"rows": file.rows, "is_nfc": is_nfc})


def _check_size(file: File) -> None:
    """Raise BadFile where Spark, which holds a Parquet file in one piece and several copies, had no room for it."""
    size, most = len(file.content), file.contract.limits.parquet
    if size > most:
        words = f"{file.name} has {size} bytes, the contract's limit for one Parquet file is {most}"
        raise BadFile(words, "file_limits", "deliver it in several files, or as plain CSV or JSON lines, which are read in parts")


def _opened(file: File) -> pq.ParquetFile:
    try:
        source = pq.ParquetFile(pa.BufferReader(file.content))
        texts = [source.schema.column(at).path for at in range(len(source.schema)) if _kind(source.schema.column(at)) == "text"]
        # As dictionaries, texts take the memory that they take in the file, however often one repeats.
        return pq.ParquetFile(pa.BufferReader(file.content), read_dictionary=texts, page_checksum_verification=True)
    except _FAULTS as error:
        raise _unreadable(file, error) from error


def _check_types(file: File, source: pq.ParquetFile) -> None:
    types = {column.name: column.type for column in file.contract.columns}
    for at in range(len(source.schema)):
        column = source.schema.column(at)
        if _kind(column) not in _TAKEN[types[column.path]]:
            logical = column.logical_type.type
            found = column.physical_type if logical == "NONE" else f"{column.physical_type} ({logical})"
            words = f"{file.name}: the column {column.path} is {found}, the contract says {types[column.path]}"
            raise BadFile(words, "header", "deliver it in that type, or change the contract")


def _check_counts(file: File, source: pq.ParquetFile) -> None:
    """Raise BadFile where a column says another count than its group of rows: the reader leaves out what is beyond the rows."""
    for group in map(source.metadata.row_group, range(source.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if column.num_values != group.num_rows:
                found = f"the column {column.path_in_schema} says {column.num_values} values"
                words = f"{file.name}: {found}, its rows are {group.num_rows}"
                raise BadFile(words, "parquet")


def _check_unpacked(file: File, source: pq.ParquetFile) -> None:
    size = sum(source.metadata.row_group(at).total_byte_size for at in range(source.num_row_groups))
    if file.is_bomb(size):
        words = f"{file.name} unpacks {len(file.content)} bytes to {size}, beyond the contract's limits"
        raise BadFile(words, "file_limits", "deliver less, or raise `limits` in the contract")


def _read_through(file: File) -> tuple[bool, Counter[str]]:
    """Whether all its text is in composed form, and how many values each column has; every page is decoded on the way."""
    rows, is_nfc, values = 0, True, Counter[str]()
    source = _opened(file)
    try:
        for batch in _batches(source):
            batch.validate(full=True)
            _check_cells(file, batch)
            rows += batch.num_rows
            is_nfc = is_nfc and all(_is_nfc(column) for column in batch.columns)
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                values[name] += batch.num_rows - column.null_count
    except _FAULTS as error:
        raise _unreadable(file, error, f" after {rows} rows") from error
    if rows != source.metadata.num_rows:
        words = f"{file.name} holds {rows} rows, its own footer says {source.metadata.num_rows}"
        raise BadFile(words, "parquet")
    return is_nfc, values


def _check_cells(file: File, batch: pa.RecordBatch) -> None:
    most = file.contract.limits.line
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        longest = (pc.max(pc.binary_length(column.dictionary)).as_py() or 0) if pa.types.is_dictionary(column.type) else 0
        if longest > most:
            words = f"{file.name}: a text of {longest} bytes in the column {name!r}, the contract's limit is {most}"
            raise BadFile(words, "file_limits", "deliver smaller texts, or raise `limits` in the contract")


def _batches(source: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    for group in range(source.num_row_groups):
        yield from source.iter_batches(_BATCH, row_groups=[group], use_threads=False)


def _is_nfc(column: pa.Array) -> bool:
    if not pa.types.is_dictionary(column.type):
        return True
    texts = column.dictionary
    others = texts.filter(pc.invert(pc.string_is_ascii(texts)))
    return all(unicodedata.is_normalized("NFC", text) for text in others.to_pylist() if text)


def _kind(column: pq.ColumnSchema) -> str:
    """What a column holds, in a word; empty for what no contract can take."""
    logical = column.logical_type.type
    if logical != "NONE":
        return _BY_LOGICAL.get(logical, "")
    return _BY_PHYSICAL.get(column.physical_type, "")


def _unreadable(file: File, error: Exception, where: str = "") -> BadFile:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, MemoryError):
        words = f"{file.name} takes Arrow more memory than it may have{where}"
        return BadFile(words, "file_limits", "deliver it with smaller pages and row groups")
    if "decrypt" in first:
        return BadFile(f"{file.name} has a column that is encrypted", "encrypted", PLAINLY)
    return BadFile(f"{file.name} is Parquet that cannot be read{where} ({first[:200]})", "parquet")
