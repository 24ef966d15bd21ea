"""Backup and restore: what a stack root cannot make again, in one private file, copied while nothing writes."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from lakeloop.core.errors import InvalidInput, StackFailed
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.supervisor import Supervisor

# Logs, sockets and Spark's scratch are made again; so are configurations, since every start writes them.
_MADE_AGAIN = ("run", "logs", "spark", "airflow/logs", "lakefs/cache", "cache")


def backup(root: StackRoot, target: Path) -> int:
    """Copies the stopped root into `target` (0600, compressed) and gives its size; a killed copy leaves no file of that name."""
    _refuse_running(root)
    if not root.keys_file.is_file():
        message = f"{root.home} holds no stack; nothing was copied; `lakeloop up` makes one"
        raise InvalidInput(message)
    if target.exists():
        message = f"{target} exists; nothing was copied; name another file"
        raise InvalidInput(message)
    descriptor, name = tempfile.mkstemp(dir=target.absolute().parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
            archive.add(root.home, arcname=".", filter=_durable)
        Path(name).rename(target)
    finally:
        Path(name).unlink(missing_ok=True)
    return target.stat().st_size


def restore(root: StackRoot, source: Path, force: bool = False) -> None:
    """Puts a backup where the root is; an existing root only goes when forced, and not before the copy is complete."""
    _refuse_running(root)
    if not source.is_file() or not tarfile.is_tarfile(source):
        message = f"{source} is no backup; {root.home} was left as it is"
        raise InvalidInput(message)
    if root.home.exists() and any(path.name != "run" for path in root.home.iterdir()) and not force:
        message = f"{root.home} is not empty; it was left as it is; `--force` replaces it"
        raise InvalidInput(message)
    root.home.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=root.home.parent, prefix=f".{root.home.name}.restoring-"))
    try:
        with tarfile.open(source) as archive:
            archive.extractall(fresh, filter="data")
        if not (fresh / root.keys_file.name).is_file():
            message = f"{source} holds no stack's keys, so it is no backup; {root.home} was left as it is"
            raise InvalidInput(message)
        shutil.rmtree(root.home, ignore_errors=True)
        fresh.rename(root.home)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _refuse_running(root: StackRoot) -> None:
    if Supervisor(root).answers():
        message = f"the stack of {root.home} is running; nothing was copied; `lakeloop down` first"
        raise StackFailed(message)


def _durable(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = member.name.removeprefix("./")
    return None if any(name == each or name.startswith(f"{each}/") for each in _MADE_AGAIN) else member
