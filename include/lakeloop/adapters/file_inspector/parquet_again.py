"""Parquet read once more, by DuckDB: a reader that shares no code with Arrow's has to find as many rows and values."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

import duckdb

from lakeloop.adapters.file_inspector.file import File
from lakeloop.core.errors import BadFile
from lakeloop.core.words import counted

_MEMORY = "512MB"
_ONE = Lock()  # at a time, or as many as are landed side by side would take that much each
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": _MEMORY,
    "temp_directory": "",  # nothing of a delivery may lie about on a disk
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def check_agreement(file: File, rows: int, values: Mapping[str, int]) -> None:
    """Raise BadFile where DuckDB counts other rows than Arrow, or by column other values that are not null, or cannot read it."""
    try:
        found = _counted(file.content, list(values))
    except duckdb.OutOfMemoryException as error:
        words = f"{file.name} has {rows} rows and takes DuckDB, which reads it after Arrow, over {_MEMORY} of memory"
        raise BadFile(words, "file_limits", "deliver it with smaller pages and row groups") from error
    except duckdb.Error as error:  # its words may hold a cell
        words = f"{file.name}: Arrow reads {rows} rows, DuckDB cannot read it ({type(error).__name__})"
        raise BadFile(words, "parquet", "see what DuckDB says of it, and deliver it so that both can read it") from error
    wanted = [(rows, "row", ""), *((count, "value", f" in the column {name}") for name, count in values.items())]
    for (count, what, where), other in zip(wanted, found, strict=True):
        if count != other:
            words = f"{file.name}: Arrow reads {counted(count, what)}{where}, DuckDB {other}"
            raise BadFile(words, "parquet", "deliver it so that both read the same, or in another format")


def _counted(content: bytes, names: list[str]) -> tuple[int, ...]:
    """Rows, and values of each column that are not null; every page is read for it."""
    columns = [f'count("{name.replace('"', '""')}")' for name in names]
    with _ONE, _held(content) as path, duckdb.connect(":memory:", config=_CONFIG) as db:
        for setting in (
            f"allowed_paths = ['{path}']",
            "enable_external_access = false",
            "disabled_optimizers = 'statistics_propagation'",  # it answers from the footer where that says that nothing is null
            "lock_configuration = true",
        ):
            db.execute(f"SET {setting}")
        query = f"SELECT {', '.join(['count(*)', *columns])} FROM read_parquet(?, hive_partitioning = false)"
        return tuple(db.execute(query, [path]).fetchone() or ())


@contextmanager
def _held(content: bytes) -> Iterator[str]:
    """A path of bytes in memory."""
    with os.fdopen(os.memfd_create("parquet"), "wb") as held:
        held.write(content)
        held.flush()
        yield f"/proc/self/fd/{held.fileno()}"
