"""A stack of the bench's own, with a feed of its own, of which nothing is left."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from lakeloop import wiring
from lakeloop.settings import Settings
from lakeloop.stack.lifecycle import Lifecycle

Say = Callable[[str], None]
CASE, REF = "flights", "use_cases.flights:FLIGHTS"


@contextmanager
def own_stack(times: int, say: Say) -> Iterator[Settings]:
    """A stack that is up, whose suites expect `times` as many rows of a day."""
    with tempfile.TemporaryDirectory(prefix="lakeloop-bench-", ignore_cleanup_errors=True) as folder:
        home, suites = Path(folder) / "home", Path(folder) / "expectations"
        _widen_suites(Settings.load().repo_root / "expectations", suites, times)
        chosen = Settings(
            home=home, expectations=suites, spark_events=Path(folder) / "events", tied_to=os.getpid(), any_port=True
        )
        lifecycle = Lifecycle(chosen, wiring.bootstrap_lake, say)
        try:
            yield lifecycle.up()
        finally:
            lifecycle.down()


def feed(settings: Settings, times: int, say: Say, **nights: Any) -> None:
    """Put nights of the year into the stack's feed, `times` as wide, and only when they are whole."""
    source = settings.home / "source"
    say(f"cutting the year into nightly deliveries, {times} times as wide")
    import_module(f"use_cases.{CASE}.feed").Feed(source).deliver(**nights)
    if times > 1:
        import_module(f"use_cases.{CASE}.copies").widen(source / "feed" / CASE, times)
    for folder in sorted((source / "feed" / CASE).glob("*/*/*")):
        target = settings.home / folder.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)


def _widen_suites(source: Path, target: Path, times: int) -> None:
    """The repository's suites, with the most rows that they let pass multiplied."""
    for path in source.glob("*/*.json"):
        suite = json.loads(path.read_text("utf-8"))
        for asked in suite["expectations"]:
            kwargs = asked["kwargs"]
            if kwargs.get("column") == "row_count" and "max_value" in kwargs:
                kwargs["max_value"] *= times
        (target / path.parent.name).mkdir(parents=True, exist_ok=True)
        (target / path.parent.name / path.name).write_text(json.dumps(suite), "utf-8")
