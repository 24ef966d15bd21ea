"""Files of a folder that strangers write to: regular files only, and no link is followed on the way."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lakeloop.core.errors import StillArriving
from lakeloop.core.feed import Look


@contextmanager
def opened_folder(root: Path, parts: tuple[str, ...]) -> Iterator[int]:
    """A descriptor of a folder below `root`; OSError where one of the parts is no folder, or a link."""
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with _below(at, parts) as inner:
            yield inner
    finally:
        os.close(at)


@contextmanager
def _below(folder: int, parts: Iterable[str]) -> Iterator[int]:
    at = os.dup(folder)
    try:
        for part in parts:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        yield at
    finally:
        os.close(at)


def read_plain(folder: int, name: str, most: int) -> bytes:
    """The bytes of a regular file, in the folder or as `sub/b.csv` below it.

    Raises:
        OSError: it is anything else, which is not opened, or has more than so many bytes.
        StillArriving: somebody writes to it.
    """
    *parts, last = name.split("/")
    with _below(folder, parts) as inner:
        return _read(inner, last, most)


def _read(folder: int, name: str, most: int) -> bytes:
    _check(os.stat(name, dir_fd=folder, follow_symlinks=False), name)
    # Looked at once more when it is open, since it may have been exchanged meanwhile; a pipe would not answer an open.
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as file:
        before = os.fstat(file.fileno())
        _check(before, name)
        if before.st_size > most:
            raise OSError(errno.EFBIG, f"has {before.st_size} bytes, {most} may be taken in", name)
        content = file.read(before.st_size + 1)
        after = os.fstat(file.fileno())
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns) or len(content) != before.st_size:
        msg = f"{name} is still being written; its delivery waits for the next run"
        raise StillArriving(msg)
    return content


def names_below(folder: str, end: str) -> list[str]:
    """The names of whatever is no folder in a folder and those below it, as `a.csv` and `sub/b.csv`, sorted.

    A folder below it that holds a file named `end` is one of its own: nothing of it is named.
    """
    found, left = list[str](), [""]
    while left:
        at = left.pop()
        entries = entries_of(f"{folder}/{at}")
        if at and any(entry.name == end for entry in entries):
            continue
        found += [at + entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)]
        left += [f"{at}{entry.name}/" for entry in entries if entry.is_dir(follow_symlinks=False)]
    return sorted(found)


def entries_of(folder: str) -> list[os.DirEntry[str]]:
    """What stands in a folder; nothing where it is no folder, or closed to us."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def looks_at(folder: int, names: Iterable[str]) -> Iterator[Look]:
    """How files of a folder stand there, whatever they are; those that are not there are left out."""
    for name in names:
        with suppress(FileNotFoundError):
            yield _look(name, os.stat(name, dir_fd=folder, follow_symlinks=False))


def look_at(folder: str, name: str) -> Look | None:
    """How a file of a folder stands there, whatever it is; None where it is not, or the folder is closed to us."""
    try:
        return _look(name, os.lstat(f"{folder}/{name}"))
    except OSError:
        return None


def _look(name: str, found: os.stat_result) -> Look:
    mark = f"{found.st_mode} {found.st_ino} {found.st_mtime_ns} {found.st_ctime_ns}"
    return Look(name, found.st_size, max(found.st_mtime, found.st_ctime), mark)


def plain_sizes(folder: int, names: Iterable[str]) -> Iterator[int]:
    """The sizes of those of the names that are regular files."""
    for name in names:
        with suppress(OSError):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode):
                yield found.st_size


def _check(found: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "is not a regular file", name)
