"""Brings Spark's jars into the image, by set-up's own fetcher: exact coordinates, exact sums."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "include")]

from jars.fetch import fetch_jars  # noqa: E402  the path above comes first

fetch_jars(ROOT, ROOT / ".venv", lambda words: print(words, flush=True), maven=None)  # noqa: T201
