"""The audit of scores on a committed snapshot: every entity once, every score a probability, every passport whole."""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import DataFrame, GroupedData, Row, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.jobs import AuditScoresJob, Passport
from lakeloop.core.lake import DATE_COLUMN, clean, scores
from lakeloop.core.reports import AuditReport, Check, Fingerprint, UnitAudit
from lakeloop.core.use_case import UseCase
from lakeloop.spark.audit_page import TableAudit, pages
from lakeloop.spark.features import entity_table
from lakeloop.spark.profiles import Profile
from lakeloop.spark.score import score_fingerprints
from lakeloop.spark.tables import find_table, one_of, read_table

TABLE = "scores"
_PASSPORT = (*Passport.model_fields, "scored_at")
_NOTHING = Fingerprint(rows=0, hash="")


def audit_scores(job: AuditScoresJob, spark: SparkSession, case: UseCase) -> AuditReport:
    """One unit a date with its checks; a date without a single score fails them."""
    entities = read_table(spark, job.repository, job.data_commit, clean(case.name, entity_table(case).name))
    expected = {row[DATE_COLUMN]: row["rows"] for row in _per_date(entities, job).agg(F.count("*").alias("rows")).collect()}
    scored = find_table(spark, job.repository, job.snapshot, scores(case.name))
    found = _measure(scored, job, case) if scored is not None else {}
    prints = score_fingerprints(spark, case, job.repository, job.snapshot, job.dates) if found else {}
    units = tuple(
        UnitAudit(
            table=TABLE,
            data_date=day,
            checks=_checks(found.get(day), expected.get(day, 0)),
            fingerprint=prints.get(day, _NOTHING),
        )
        for day in job.dates
    )
    return AuditReport(units=units, pages=pages(job, case, [_table(units, expected)]))


def _table(units: Sequence[UnitAudit], expected: Mapping[date, int]) -> TableAudit:
    """The scores as the audit's page shows a table."""
    profiles = [
        Profile(unit.data_date, _values(unit.fingerprint.rows, expected.get(unit.data_date, 0)), unit.fingerprint, "")
        for unit in units
    ]
    return TableAudit(TABLE, profiles, {unit.data_date: list(unit.checks) for unit in units})


def _values(rows: int, expected: int) -> dict[str, float | None]:
    coverage = rows / expected if expected else None
    return {"row_count": rows, "key_coverage": coverage, "quarantine_count": 0, "quarantine_share": 0}


def _per_date(frame: DataFrame, job: AuditScoresJob) -> GroupedData:
    return frame.where(one_of(DATE_COLUMN, job.dates)).groupBy(DATE_COLUMN)


def _measure(scored: DataFrame, job: AuditScoresJob, case: UseCase) -> dict[date, Row]:
    score = F.col("score")
    outside = score.isNull() | F.isnan(score) | (score < 0) | (score > 1)
    unstamped = F.exists(F.array(*(F.col(name).isNull() for name in _PASSPORT)), lambda is_null: is_null)
    foreign = ~(F.col("run_key").eqNullSafe(job.run_key) & F.col("data_commit").eqNullSafe(job.data_commit))
    rows = _per_date(scored, job).agg(
        F.count("*").alias("rows"),
        F.count_distinct(F.struct(*case.entity)).alias("entities"),
        F.count_if(outside).alias("outside"),
        F.count_if(unstamped).alias("unstamped"),
        F.count_if(foreign).alias("foreign"),
    )
    return {row[DATE_COLUMN]: row for row in rows.collect()}


def _checks(found: Row | None, expected: int) -> tuple[Check, ...]:
    rows = int(found["rows"]) if found else 0
    twice = rows - int(found["entities"]) if found else 0
    counted = {name: int(found[name]) if found else 0 for name in ("outside", "unstamped", "foreign")}
    return (
        Check(name="coverage", observed=rows, expected=f"one row an entity of {expected}", passed=rows == expected > 0),
        Check(name="entity_once", observed=twice, expected="no entity twice", passed=twice == 0),
        _none("score_is_probability", counted["outside"], "no score outside 0 to 1, none missing"),
        _none("passport_is_whole", counted["unstamped"], "no passport column empty"),
        _none("made_by_this_run", counted["foreign"], "no row of another run or data commit"),
    )


def _none(name: str, observed: int, expected: str) -> Check:
    return Check(name=name, observed=observed, expected=expected, passed=observed == 0)
