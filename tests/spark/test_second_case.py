"""The second case goes once round the loop as its files stand: delivered, trained, promoted, scored, judged, published."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from use_cases.tiny import SHOPS

from lakeloop.core.lake import MAIN
from lakeloop.core.runs import Run, SessionKey
from lakeloop.settings import REPO_ROOT, Settings
from lakeloop.steps import act, approval, ingest, ingest_publish, promotion, score, watch
from lakeloop.steps.bootstrap import bootstrap
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.training import fit, gate, prepare
from lakeloop.steps.training.record import read_training
from lakeloop.steps.verify import verify
from lakeloop.wiring import lake_of, open_platform
from tests.spark.small_flights import days, options

CASE = "use_cases.tiny:TINY"
NIGHTS = days(date(2024, 5, 1), 10)
LAST = NIGHTS[-1] + timedelta(days=1)
Rows = list[dict[str, Any]]
pytestmark = [
    pytest.mark.more,
    pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning"),  # of MLflow's own import
]


def forecasts(day: date) -> Rows:
    """Heat goes round the shops, so that a shop's name alone says nothing."""
    return [
        {"shop": shop, "celsius": 12 + 8 * ((day.toordinal() + at) % 3), "visitors": 100, "opens": ""}
        for at, shop in enumerate(SHOPS)
    ]


def sales(day: date) -> Rows:
    return [{"shop": row["shop"], "sold_out": int(row["celsius"] > 20)} for row in forecasts(day)]


def deliver(home: Path, night: date, number: int = 1, warmer: float = 0) -> None:
    """What a night brings, as the guide says a delivery looks: its forecasts, and the sales of the day before."""
    before = night - timedelta(days=1)
    expected = [{**row, "celsius": row["celsius"] + warmer} for row in forecasts(night)]
    for table, day, rows in (("forecasts", night, expected), ("sales", before, sales(before))):
        folder = home / "feed" / "tiny" / table / day.isoformat() / str(number)
        folder.mkdir(parents=True)
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        body = text.getvalue().encode()
        (folder / f"{table}.csv").write_bytes(body)
        file = {
            "name": f"{table}.csv", "sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "rows": len(rows),
        }  # fmt: skip
        manifest = {
            "table": table, "data_date": day.isoformat(), "files": [file], "rows": len(rows), "source": "head office",
            "delivered_at": datetime.combine(before, time(19 + number), UTC).isoformat(),
        }  # fmt: skip
        (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def settings(stack: Settings, mlflow_uri: str, tmp_path: Path) -> Settings:
    """Settings of an empty lake; of the case only the folder of its suites is named, as the guide says."""
    return stack.model_copy(
        update={
            "home": tmp_path, "repository": "second-case", "mlflow_tracking_uri": mlflow_uri,
            "platform_db_url": f"sqlite:///{tmp_path / 'platform.db'}",
            "expectations": REPO_ROOT / "tests" / "use_cases" / "tiny" / "expectations",
        }
    )  # fmt: skip


@pytest.fixture
def p(settings: Settings, new_key: Callable[[], SessionKey]) -> Iterator[Platform]:
    """The real ports, as a task opens them."""
    bootstrap(lake_of(settings), "local://second-case", "c0de")
    with open_platform(CASE, new_key(), settings) as opened:
        yield replace(opened, case=opened.case.model_copy(update={"approvers": ("the owner",)}))


def run(stage: str) -> Run:
    return Run(case=CASE, stage=stage, run_id=f"{stage}-1", attempt=1)


def ingest_all(p: Platform) -> dict[str, Any]:
    written = ingest.write(p, run("ingest"), ingest.intake(p, run("ingest")))
    return ingest_publish.publish_units(p, run("ingest"), ingest_publish.audit(p, run("ingest"), written))


def test_the_second_case_goes_round_the_loop(p: Platform, settings: Settings) -> None:
    for night in NIGHTS:
        deliver(settings.home, night)
    done = ingest_all(p)
    assert (done["published"], done["refusals"]) == (20, [])

    gated = gate.gate(p, run("train"), fit.fit(p, run("train"), prepare.prepare(p, run("train"))))
    answer = {"approved": True, "by": "the owner", "why": "it ranks the shops"}
    promoted = promotion.promote(p, run("train"), gated, approval.answered(p, run("train"), gated, answer))
    assert promoted["version"] == 1

    deliver(settings.home, LAST)
    ingest_all(p)
    sealed = score.audit(p, run("score"), score.score(p, run("score")))
    done = act.act(p, run("watch"), watch.judge_dates(p, run("watch")))
    assert (done["verdicts"], done["published"]) == ({LAST.isoformat(): "ok"}, 1)

    rows = DeltaTable(f"s3://second-case/{MAIN}/scores/tiny", storage_options=options(settings)).to_pyarrow_table().to_pylist()
    assert {row["shop"]: row["trust"] for row in rows} == dict.fromkeys(SHOPS, "trusted")
    hottest = max(forecasts(LAST), key=lambda row: row["celsius"])["shop"]
    assert max(rows, key=lambda row: row["score"])["shop"] == hottest
    assert {row["run_key"] for row in rows} == {sealed["run_key"]}
    assert {table for table in read_ledger(p.lake, "tiny").scores[LAST].record.reads} == {"forecasts", "sales"}
    assert [finding for _, findings in verify(p.lake) for finding in findings] == []

    deliver(settings.home, LAST, number=2, warmer=1)  # after its scores had read it
    deliver(settings.home, LAST + timedelta(days=1))
    ingest_all(p)
    prepared = prepare.prepare(p, run("train"))
    known = read_training(p.lake, prepared["commit"], prepared["run_key"])
    assert known.skewed == (LAST,)
    (skew,) = known.skew
    assert skew.features.words == "3 rows at both commits; differ: celsius in 3 rows (by 1 at most)"
    assert skew.words in prepared["summary"]
