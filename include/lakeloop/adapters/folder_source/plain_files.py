"""Files of a folder that strangers write to: regular files only, and no link is followed on the way."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def opened_folder(root: Path, parts: tuple[str, ...]) -> Iterator[int]:
    """A descriptor of a folder below `root`; OSError where one of the parts is no folder, or a link."""
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        yield at
    finally:
        os.close(at)


def read_plain(folder: int, name: str) -> bytes:
    """The bytes of a regular file; OSError for anything else, without opening it."""
    _check(os.stat(name, dir_fd=folder, follow_symlinks=False), name)
    # Looked at once more when it is open, since it may have been exchanged meanwhile; a pipe would not answer an open.
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as file:
        _check(os.fstat(file.fileno()), name)
        return file.read()


def plain_names(folder: int) -> list[str]:
    """The names of the regular files in a folder, sorted."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))


def _check(found: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "is not a regular file", name)
