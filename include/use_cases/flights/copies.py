"""A feed many times as wide: every delivery with jittered copies of its rows, whose keys stay unique and agree across tables."""

import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import islice, product
from pathlib import Path
from string import ascii_uppercase, digits

_CODES = digits + ascii_uppercase
_REAL = {"9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"}
_MOST = 59  # copies of the weather stand at other minutes of the same hour
Line = Callable[[str, int], str]


def widen(feed: Path, times: int) -> None:
    """Rewrite every daily delivery below a feed folder with `times` as many rows, a file at a time."""
    if not 1 <= times <= _MOST:
        message = f"a feed is widened 1 to {_MOST} times, not {times}; nothing was written"
        raise ValueError(message)
    carriers = _Carriers(times)
    copies: dict[str, Line] = {"schedule": carriers.line, "outcomes": carriers.line, "weather": _at_another_minute}
    for table, copy in copies.items():
        for manifest in sorted(feed.glob(f"{table}/*/*/manifest.json")):
            _widen(manifest, times, copy)


def _widen(manifest: Path, times: int, copy: Line) -> None:
    told = json.loads(manifest.read_text("utf-8"))
    (file,) = told["files"]
    path = manifest.parent / file["name"]
    header, *lines = path.read_text("utf-8").splitlines(keepends=True)
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as target:
        for text in (header, *_copies(lines, times, copy)):
            body = text.encode()
            digest.update(body)
            size += target.write(body)
    rows = len(lines) * times
    told["files"] = [file | {"sha256": digest.hexdigest(), "size": size, "rows": rows}]
    manifest.write_text(json.dumps(told | {"rows": rows}, indent=2) + "\n", "utf-8")


def _copies(lines: list[str], times: int, copy: Line) -> Iterator[str]:
    yield "".join(lines)
    for number in range(1, times):
        yield "".join(copy(line, number) for line in lines)


class _Carriers:
    """Other carriers' flights: each copy of a carrier has a code of its own, the same in every table, day and call."""

    def __init__(self, times: int) -> None:
        codes = ("".join(pair) for pair in product(_CODES, repeat=2))
        free = (code for code in codes if code not in _REAL)
        self._codes = {carrier: list(islice(free, times - 1)) for carrier in sorted(_REAL)}

    def line(self, line: str, number: int) -> str:
        carrier, _, rest = line.partition(",")
        return f"{self._codes[carrier][number - 1]},{rest}"


def _at_another_minute(line: str, number: int) -> str:
    return line.replace(":00:00Z", f":{number:02d}:00Z")
