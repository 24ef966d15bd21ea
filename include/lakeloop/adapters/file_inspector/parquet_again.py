"""Parquet read once more, by DuckDB: a reader that shares no code with Arrow's has to find as many rows and values."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Timer

import duckdb

from lakeloop.adapters.file_inspector.file import File
from lakeloop.core.errors import BadFile, MachineFailed
from lakeloop.core.words import counted

_MEMORY = "512MB"
_SECONDS = 300.0  # for one file: a sound one of 64 MiB takes less than one of them
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": _MEMORY,
    "temp_directory": "",  # nothing of a delivery may lie about on a disk
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def check_agreement(file: File, rows: int, values: Mapping[str, int]) -> None:
    """Hold what Arrow counted, rows and by column the values that are not null, against what DuckDB counts.

    A column with a value that no type of DuckDB's holds, such as a time far beyond all calendars, is not counted again: that is
    a row's fault, and its own type says so when it is read.

    Raises:
        BadFile: DuckDB counts otherwise, or cannot read it.
        MachineFailed: there was no room for the bytes; nothing is said of the file.
    """
    try:
        found = _counted(file, list(values))
    except duckdb.OutOfMemoryException as error:
        words = f"{file.name} has {rows} rows and takes DuckDB, which reads it after Arrow, over {_MEMORY} of memory"
        raise BadFile(words, "file_limits", "deliver it with smaller pages and row groups") from error
    except duckdb.InterruptException as error:
        words = f"{file.name} has {rows} rows and takes DuckDB, which reads it after Arrow, over {_SECONDS:g} s"
        raise BadFile(words, "file_limits", "deliver it in several files, or as CSV or JSON lines") from error
    except duckdb.Error as error:  # its words may hold a cell
        words = f"{file.name}: Arrow reads {rows} rows, DuckDB cannot read it ({type(error).__name__})"
        mend = "write it with a Parquet library's usual encodings, or deliver CSV or JSON lines"
        raise BadFile(words, "parquet", mend) from error
    wanted = {"": rows, **values}
    for name, other in found.items():
        if wanted[name] != other:
            what, where = ("value", f" in the column {name}") if name else ("row", "")
            words = f"{file.name}: Arrow reads {counted(wanted[name], what)}{where}, DuckDB {other}"
            raise BadFile(words, "parquet", "deliver it so that both read the same, or in another format")


def _counted(file: File, names: Sequence[str]) -> dict[str, int]:
    """Rows under "", and by column the values that are not null; every page of what can be counted is read for it."""
    with _held(file) as path, _opened(path) as db:
        try:
            return _ask(db, path, names)
        except duckdb.ConversionException:  # it does not say in which column
            found = _ask(db, path, [])
        for name in names:
            with suppress(duckdb.ConversionException):
                found |= _ask(db, path, [name])
        return found


def _ask(db: duckdb.DuckDBPyConnection, path: str, names: Sequence[str]) -> dict[str, int]:
    columns = [f'count("{name.replace('"', '""')}")' for name in names]
    query = f"SELECT {', '.join(['count(*)', *columns])} FROM read_parquet(?, hive_partitioning = false)"
    return dict(zip(["", *names], db.execute(query, [path]).fetchone() or (), strict=True))


@contextmanager
def _opened(path: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that sees that path and nothing else, and is interrupted when its time is over: others wait for it."""
    with duckdb.connect(":memory:", config=_CONFIG) as db:
        for setting in (
            f"allowed_paths = ['{path}']",
            "enable_external_access = false",
            "disabled_optimizers = 'statistics_propagation'",  # it answers from the footer where that says that nothing is null
            "lock_configuration = true",
        ):
            db.execute(f"SET {setting}")
        timer = Timer(_SECONDS, db.interrupt)
        timer.start()
        try:
            yield db
        finally:
            timer.cancel()
            timer.join()  # an interrupt that has begun ends before its connection does


@contextmanager
def _held(file: File) -> Iterator[str]:
    """A path of the file's bytes in memory."""
    try:
        with os.fdopen(os.memfd_create("parquet"), "wb") as held:
            held.write(file.content)
            held.flush()
            yield f"/proc/self/fd/{held.fileno()}"
    except OSError as error:
        words = (
            f"{file.name} was not read a second time: its {len(file.content)} bytes found no room in memory ({error.strerror}); "
            "nothing was taken in. Next: free memory or file handles; the run is tried again, and so is the file"
        )
        raise MachineFailed(words) from error
