"""The cost of a day from the first to the thousandth: one small table, a delivery a day, published by the real steps."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from lakeloop import wiring
from lakeloop.adapters.delta_tables import DeltaRsTables
from lakeloop.bench.machine import api_calls, server_seconds
from lakeloop.bench.quick_runner import QuickRunner
from lakeloop.bench.readings import READINGS, SUITE
from lakeloop.core.runs import Run, SessionKey
from lakeloop.settings import Settings
from lakeloop.steps import ingest, ingest_publish
from lakeloop.steps.history import parsed
from lakeloop.steps.platform import Platform

REF = "lakeloop.bench.readings:READINGS"
_FIRST = date(2020, 1, 1)
_ROWS = 20


@dataclass(frozen=True)
class Day:
    """What one day cost: seconds of each step, and calls of the lake's API."""

    number: int
    engine: str  # "spark", or "delta-rs" between the days that are measured with Spark
    seconds: dict[str, float]
    processor: float  # seconds that our own process and lakeFS computed; says more than the others where the machine is shared
    calls: int

    @property
    def total(self) -> float:
        """Seconds of all steps."""
        return sum(self.seconds.values())


def measure(settings: Settings, folder: Path, days: int, sampled: set[int], say: Callable[[str], None]) -> list[Day]:
    """Publish so many days into a repository of their own; the sampled ones through Spark, each step as a task would."""
    own = _settings(settings, folder)
    wiring.bootstrap_lake(own)
    found = []
    for number in range(1, days + 1):
        day = _FIRST + timedelta(days=number - 1)
        _deliver(own.home / "feed" / READINGS.name / "readings", day)
        found.append(_publish(own, number, day, number in sampled))
        if number in sampled or number % 100 == 0:
            say(f"day {number}: {found[-1].total:.2f} s by {found[-1].engine}, {found[-1].calls} calls")
    return found


def _settings(settings: Settings, folder: Path) -> Settings:
    suites = folder / "expectations"
    (suites / READINGS.name).mkdir(parents=True)
    (suites / READINGS.name / "readings.json").write_text(json.dumps(SUITE))
    return settings.model_copy(update={"home": folder, "repository": "bench-days", "expectations": suites, "lake_storage": ""})


def _publish(settings: Settings, number: int, day: date, is_sampled: bool) -> Day:
    before, computed = _calls(settings), _computed(settings)
    run = Run(case=REF, stage="ingest", run_id=f"day-{number}", date_from=day, date_to=day)
    seconds: dict[str, float] = {}
    told: dict[str, Any] = {}
    for name, step in _STEPS.items():
        with _platform(settings, f"{number}-{name}", is_sampled) as p:
            begun = time.monotonic()
            told = step(p, run, told)
            seconds[name] = time.monotonic() - begun
    engine, processor = "spark" if is_sampled else "delta-rs", _computed(settings) - computed
    return Day(number, engine, seconds, processor, _calls(settings) - before)


def _calls(settings: Settings) -> int:
    return int(sum(api_calls(settings.lakefs_endpoint).number.values()))


def _computed(settings: Settings) -> float:
    return time.process_time() + server_seconds(settings.lakefs_endpoint)


_STEPS = {
    "intake": lambda p, run, _: ingest.intake(p, run),
    "write": ingest.write,
    "audit": ingest_publish.audit,
    "publish": ingest_publish.publish_units,
}


@contextmanager
def _platform(settings: Settings, task: str, is_sampled: bool) -> Iterator[Platform]:
    """The ports as a task of its own has them, nothing read yet."""
    parsed.cache_clear()
    key = SessionKey(installation=settings.installation_id, database="bench", dag="bench", run="days", task=task)
    with wiring.open_platform(REF, key, settings) as p:
        if is_sampled:
            yield p
            return
        secret = settings.lakefs_secret_access_key.get_secret_value()
        tables = DeltaRsTables(settings.lakefs_endpoint, settings.lakefs_access_key_id, secret, settings.repository)
        yield replace(p, spark=QuickRunner(p.lake, tables), tables=tables)


def _deliver(feed: Path, day: date) -> None:
    folder = feed / day.isoformat() / "1"
    folder.mkdir(parents=True)
    body = "id,value\n" + "".join(f"{key},{key + day.day / 31:.3f}\n" for key in range(_ROWS))
    (folder / "readings.csv").write_text(body)
    sent = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=4)
    file = {"name": "readings.csv", "sha256": hashlib.sha256(body.encode()).hexdigest(), "size": len(body), "rows": _ROWS}
    manifest = {
        "table": "readings", "data_date": day.isoformat(), "files": [file], "rows": _ROWS,
        "source": "bench", "delivered_at": sent.isoformat(),
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
