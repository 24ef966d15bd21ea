"""Where set-up keeps the parts it builds or fetches: per user, keyed by what they are made from; standard library only."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

REPO_ROOT = Path(__file__).resolve().parents[3]


def cache_root() -> Path:
    """`LAKELOOP_CACHE`, else the user's cache folder: shared by all checkouts of this user."""
    named = os.environ.get("LAKELOOP_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lakeloop"


def lakefs_binary(repo: Path = REPO_ROOT) -> Path:
    """The server's binary: the user's own (`LAKELOOP_LAKEFS_BIN`), else the one built from the committed module."""
    named = os.environ.get("LAKELOOP_LAKEFS_BIN")
    if named:
        return Path(named)
    return cache_root() / f"lakefs-{_digest(repo / 'tools/lakefs/go.sum')}" / "lakefs"


def jar_folder(repo: Path = REPO_ROOT) -> Path:
    """The folder of Spark's extra jars, as listed with their sums in the repository."""
    return cache_root() / f"jars-{_digest(repo / 'tools/jars/jars.txt')}"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
