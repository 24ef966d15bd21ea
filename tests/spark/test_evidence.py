"""Evidence of the watch: what one pass shows of a date among its neighbours, and what outcomes say of its schedule."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.jobs import EvidenceJob
from lakeloop.core.reports import DateEvidence, EvidenceReport
from lakeloop.core.verdict import judge, settle
from lakeloop.settings import Settings
from lakeloop.spark.evidence import evidence
from tests.spark.audited_flights import in_celsius
from tests.spark.small_flights import Rows, days, of, options, publish, world
from use_cases.flights import FLIGHTS

FIRST = date(2013, 3, 1)
DATES = days(FIRST + timedelta(days=10), 8)
POLICY = FLIGHTS.drift.model_copy(update={"minimum_rows": 0})  # these dates have no scores
CELSIUS, NO_JFK, HALF, JFK_LATE, ALL_EARLY, DELAYED = DATES[0], DATES[1], DATES[2], DATES[4], DATES[5], DATES[6]
IN_UTC = DATES[7]
FAULTS = {
    CELSIUS: ("weather", "identity:relative_humidity"),
    NO_JFK: ("schedule", "members:schedule.origin"),
    HALF: ("schedule", "partial"),
}


def damaged() -> dict[str, Rows]:
    """Weeks with a fault of its own on some nights; of two of them only the outcomes know, of one only the weeks before."""
    tables = world(days(FIRST, 18))
    in_celsius(of(tables["weather"], [CELSIUS]))
    plan = [row for row in tables["schedule"] if (row["data_date"], row["origin"]) != (NO_JFK, "JFK")]
    plan = [row for row in plan if row["data_date"] != HALF or int(str(row["flight"])) % 12 < 6]
    for row in (row for row in of(plan, [JFK_LATE]) if row["origin"] == "JFK"):
        shift(row, 1)
    for row in of(plan, [ALL_EARLY]):
        shift(row, -1)
    for row in of(tables["outcomes"], [DELAYED]):
        leave(row, by=600.0)  # past midnight
    for row in of(tables["outcomes"], [IN_UTC]):
        row |= {name: None if row[name] is None else (int(str(row[name])) + 400) % 2400 for name in ("dep_time", "arr_time")}
    return tables | {"schedule": plan}


def shift(row: dict[str, object], hours: int) -> None:
    """Hour and scheduled departure alike, so that the row agrees with itself."""
    row |= {"hour": int(str(row["hour"])) + hours, "sched_dep_time": int(str(row["sched_dep_time"])) + hours * 100}


def leave(row: dict[str, object], by: float) -> None:
    """A departure so many minutes after the time that the outcome says it was planned for."""
    planned = int(str(row["dep_time"])) // 100 * 60 + int(str(row["dep_time"])) % 100 - float(str(row["dep_delay"]))
    left = int(planned + by) % 1440
    row |= {"dep_delay": by, "dep_time": left // 60 * 100 + left % 60}


def measured(spark: SparkSession, lake: LakeFSLake, commit: str, dates: list[date]) -> EvidenceReport:
    asked = EvidenceJob(
        repository=lake.repository, case="use_cases.flights:FLIGHTS", data_commit=commit,
        candidates={commit: tuple(dates)}, settle=tuple(dates),
    )  # fmt: skip
    return evidence(asked, spark, FLIGHTS)


@pytest.fixture(scope="module")
def report(spark: SparkSession, stack: Settings, shared_lake: LakeFSLake) -> EvidenceReport:
    """The evidence of all dates, measured at once."""
    return measured(spark, shared_lake, publish(stack, shared_lake, damaged()), DATES)


@pytest.fixture(scope="module")
def found(report: EvidenceReport) -> dict[date, DateEvidence]:
    return {one.data_date: one for one in report.dates}


@pytest.mark.parametrize(("day", "fault"), FAULTS.items(), ids=[f"{name} {table}" for table, name in FAULTS.values()])
def test_what_slipped_past_the_audit_is_seen_in_its_table(
    found: dict[date, DateEvidence], day: date, fault: tuple[str, str]
) -> None:
    assert fault in {(fact.table, fact.name) for fact in found[day].facts if fact.broken}
    assert judge(found[day], POLICY).tables == (fault[0],)


def test_every_other_night_is_ok(found: dict[date, DateEvidence]) -> None:
    verdicts = {day: judge(found[day], POLICY) for day in DATES if day not in FAULTS}
    assert {verdict.word for verdict in verdicts.values()} == {"ok"}, [verdict.words for verdict in verdicts.values()]


def test_outcomes_settle_the_schedule_of_their_date_airport_by_airport(report: EvidenceReport) -> None:
    verdicts = {one.data_date: settle(one) for one in report.settled}
    assert {day for day, verdict in verdicts.items() if verdict.word == "data_fault"} == {JFK_LATE, ALL_EARLY, IN_UTC}
    assert all(verdicts[day].tables == ("schedule",) for day in (JFK_LATE, ALL_EARLY))
    assert "off by 60 at JFK (" in verdicts[JFK_LATE].words
    assert "off by 60 at EWR, 60 at JFK, 60 at LGA" in verdicts[ALL_EARLY].words
    assert {verdicts[day].word for day in DATES if day not in {JFK_LATE, ALL_EARLY, IN_UTC}} == {"ok"}


def test_outcomes_that_no_week_before_bears_out_condemn_themselves(report: EvidenceReport) -> None:
    (verdict,) = (settle(one) for one in report.settled if one.data_date == IN_UTC)
    assert (verdict.word, verdict.tables) == ("data_fault", ("outcomes",))
    assert "departure of outcomes is off by 240 at EWR, 240 at JFK, 240 at LGA from schedule of the date" in verdict.words


def test_the_first_days_of_a_lake_are_provisional_and_say_so(spark: SparkSession, stack: Settings, lake: LakeFSLake) -> None:
    commit = publish(stack, lake, world(days(FIRST, 8)))
    seen = {one.data_date: one for one in measured(spark, lake, commit, [FIRST, FIRST + timedelta(days=7)]).dates}
    assert [one.history_days for one in seen.values()] == [0, 7]
    assert [judge(one, POLICY).word for one in seen.values()] == ["provisional", "ok"]


def test_published_scores_are_ranked_by_the_labels_that_came_since(
    spark: SparkSession, stack: Settings, lake: LakeFSLake
) -> None:
    dates = days(FIRST, 4)
    tables = world(dates)
    right, wrong, unlabelled = dates[0], dates[1], dates[3]
    tables["outcomes"] = [row for row in tables["outcomes"] if row["data_date"] != unlabelled]
    publish(stack, lake, tables)
    put_scores(stack, lake, [row for row in tables["outcomes"] if row["data_date"] == right], sign=1)
    put_scores(stack, lake, [row for row in tables["outcomes"] if row["data_date"] == wrong], sign=-1)
    put_scores(stack, lake, [row for row in tables["schedule"] if row["data_date"] == unlabelled], sign=1)
    commit = lake.commit("main", "scores", {})
    asked = EvidenceJob(
        repository=lake.repository, case="use_cases.flights:FLIGHTS", data_commit=commit, candidates={},
        matured=tuple(dates),
    )  # fmt: skip
    assert evidence(asked, spark, FLIGHTS).aucs == {right: 1.0, wrong: 0.0}, "a date without scores or labels has none"
    assert evidence(asked.model_copy(update={"matured": ()}), spark, FLIGHTS).aucs == {}


def put_scores(stack: Settings, lake: LakeFSLake, rows: Rows, sign: int) -> None:
    """Scores that rank a date's flights as they arrived, or the other way round; a flight that never did is in the middle."""
    scored = [
        {**{name: row[name] for name in FLIGHTS.entity}, "data_date": row["data_date"], "score": 0.5 + sign * late(row)}
        for row in rows
    ]
    write_deltalake(
        f"s3://{lake.repository}/main/scores/flights", pa.Table.from_pylist(scored), partition_by=["data_date"], mode="append",
        storage_options=options(stack),
    )  # fmt: skip


def late(row: dict[str, object]) -> float:
    """How far above or below the middle; the label says late from a quarter of an hour on."""
    delay = row.get("arr_delay")
    return 0.0 if delay is None else float(str(delay)) / 1000
