"""The parts of the bench: what was measured is known before the next part begins."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from lakeloop.bench import parts
from lakeloop.bench.year import Days
from lakeloop.settings import Settings

DAYS = Days([16.0, 19.0, 14.0], 16.0, {"write": 4.0}, {"audit": 1})


class Ended(Exception):
    """Somebody ended the bench."""


def test_a_bench_that_is_ended_has_given_what_it_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def ended(*_: Any) -> None:
        raise Ended

    monkeypatch.setattr(parts, "own_stack", lambda *_: nullcontext(Settings(home=tmp_path)))
    monkeypatch.setattr(parts.year, "warm_up", lambda *_: None)
    monkeypatch.setattr(parts.year, "measure_days", lambda *_: DAYS)
    monkeypatch.setattr(parts.curve, "measure", ended)
    measured = parts.run(["curve", "day"], 10, is_full=False, say=lambda _words: None)
    assert next(measured).days == DAYS
    with pytest.raises(Ended):
        next(measured)
