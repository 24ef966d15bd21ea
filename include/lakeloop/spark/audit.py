"""Audit: a committed snapshot measured in one Spark job, judged date by date, with the pages that are kept as evidence."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.jobs import AuditJob, LandedUnit
from lakeloop.core.lake import UnitId, clean, quarantine
from lakeloop.core.nights import RowCounts, before, last_night, night_of, refused_of
from lakeloop.core.personal import shielded
from lakeloop.core.reports import AuditReport, Check, UnitAudit
from lakeloop.core.use_case import UseCase
from lakeloop.spark.audit_page import TableAudit, pages
from lakeloop.spark.clean import widened_by_name
from lakeloop.spark.deliveries import asked_again, checks, needed, questions
from lakeloop.spark.measures import Answers
from lakeloop.spark.offenders import offenders
from lakeloop.spark.offending_rows import Tables
from lakeloop.spark.personal import Suspects, looks_questions, personal_checks, suspects
from lakeloop.spark.profiles import keys_frame, profile_frame, profiles, reasons_frame
from lakeloop.spark.questions import Question, ask, reading
from lakeloop.spark.suites import judge, load_suite

Units = Mapping[str, Sequence[LandedUnit]]


def audit(job: AuditJob, spark: SparkSession, case: UseCase, suites: Path) -> AuditReport:
    """One audit a unit, in the units' order; a suite that cannot judge refuses the run before Spark is asked."""
    by_table = _by_table(job)
    asked = {name: load_suite(suites, case.name, case.table(name)) for name in by_table}
    dates = {name: [unit.data_date for unit in units] for name, units in by_table.items()}
    wanted = {clean(case.name, name): days for name, days in needed(case, dates).items()}
    with ExitStack() as opened:
        frames = widened_by_name(case, opened.enter_context(reading(spark, job.repository, job.snapshot, wanted, _came(job))))
        held = opened.enter_context(_held(job, spark, case))
        answers = ask([*_profile_questions(job, case, frames, dates), *questions(case, frames, dates)])
        suspected = {name: suspects(case.table(name), days, answers) for name, days in dates.items()}
        hidden = _hidden(case, suspected)
        kept = opened.enter_context(_quarantined(job, spark, case, by_table, answers))
        bad = ask([Question(name, reasons_frame(frame)) for name, frame in kept.items()])
        personal = {
            name: {day: personal_checks(case.table(name), seen) for day, seen in days.items()} for name, days in suspected.items()
        }
        absent = frozenset[UnitId]()
        for _ in range(1 + len({day for days in dates.values() for day in days})):  # each round settles one night more
            again = answers | ask(asked_again(case, frames, dates, absent, held))
            counts = RowCounts(case, dates, _rows("days", again), _rows("held", again), absent)
            found = {
                name: profiles(hidden.table(name), units, job.written, _numbers(answers, name), bad.get(name, ()), counts)
                for name, units in by_table.items()
            }
            judged = {name: _with(judge(asked[name], each), personal[name]) for name, each in found.items()}
            facts = checks(case, again, dates, refused_of(judged))
            judged = {name: _with(days, facts[name]) for name, days in judged.items()}
            refused = before(case, refused_of(judged), last_night(case, dates))
            if refused == absent:
                break
            absent = refused
        tables = [TableAudit(name, found[name], judged[name]) for name in by_table]
        within = Tables(frames, held, {name: _readable(frame, suspected[name]) for name, frame in kept.items()})
        shown = offenders(hidden, within, {table.name: table.checks for table in tables})
    done = {UnitId(table.name, one.data_date): _audited(table, at) for table in tables for at, one in enumerate(table.profiles)}
    ordered = tuple(done[UnitId(unit.table, unit.data_date)] for unit in job.units)
    return AuditReport(units=ordered, pages=pages(job, case, [table._replace(shown=shown) for table in tables]))


def _by_table(job: AuditJob) -> dict[str, list[LandedUnit]]:
    found: dict[str, list[LandedUnit]] = {}
    for unit in job.units:
        found.setdefault(unit.table, []).append(unit)
    return found


@contextmanager
def _held(job: AuditJob, spark: SparkSession, case: UseCase) -> Iterator[dict[str, DataFrame]]:
    """What main holds of restated units, by table, where a night of the range may find that instead of what came."""
    nights = {night_of(case, UnitId(unit.table, unit.data_date)) for unit in job.units}
    restated: dict[str, list[date]] = {}
    for unit in job.units if len(nights) > 1 else ():
        if unit.restates:
            restated.setdefault(clean(case.name, unit.table), []).append(unit.data_date)
    with reading(spark, job.repository, job.base, restated, _came(job)) as read:
        yield widened_by_name(case, read)


def _rows(what: str, answers: Mapping[str, Answers]) -> dict[str, dict[date, int]]:
    asked = ((name.partition(" "), days) for name, days in answers.items())
    return {table: {day: answer["rows"] for day, answer in days} for (word, _, table), days in asked if word == what}


def _came(job: AuditJob) -> int:
    return sum(unit.manifest_rows for unit in job.units)


def _with(checks: Mapping[date, list[Check]], more: Mapping[date, list[Check]]) -> dict[date, list[Check]]:
    return {day: [*own, *more[day]] for day, own in checks.items()}


def _profile_questions(
    job: AuditJob, case: UseCase, frames: Mapping[str, DataFrame], dates: Mapping[str, Sequence[date]]
) -> list[Question]:
    asked = []
    for name, days in ((name, days) for name, days in dates.items() if name in frames):
        asked.append(Question(f"profile {name}", profile_frame(frames[name], case.table(name), job.run_key, days)))
        asked.append(Question(f"keys {name}", keys_frame(frames[name], case.table(name), days)))
        asked += looks_questions(frames[name], case.table(name), days)
    return asked


def _numbers(answers: Mapping[str, Answers], name: str) -> Answers:
    """The answers to both frames of a profile, by date."""
    keys = dict(answers.get(f"keys {name}", ()))
    return [(day, answer | keys[day]) for day, answer in answers.get(f"profile {name}", ())]


def _hidden(case: UseCase, suspected: Mapping[str, Suspects]) -> UseCase:
    """The case with its suspected columns marked: no page shows what the scanner found."""
    names = {name: {column for found in days.values() for column in found} for name, days in suspected.items()}
    return case.model_copy(update={"tables": tuple(shielded(table, names.get(table.name, ())) for table in case.tables)})


@contextmanager
def _quarantined(
    job: AuditJob, spark: SparkSession, case: UseCase, units: Units, answers: Mapping[str, Answers]
) -> Iterator[dict[str, DataFrame]]:
    """This run's rows in quarantine by table, looked for where fewer rows were published than came."""
    short = {}
    for name, each in units.items():
        held = {day: answer["row_count"] for day, answer in answers.get(f"profile {name}", ())}
        if days := [unit.data_date for unit in each if held.get(unit.data_date, 0) != unit.manifest_rows]:
            short[quarantine(case.name, name)] = days
    if not short:
        yield {}
        return
    with reading(spark, job.repository, job.snapshot, short, _came(job)) as frames:
        yield {path.rpartition("/")[2]: frame.where(F.col("run_key") == job.run_key) for path, frame in frames.items()}


def _readable(kept: DataFrame, seen: Suspects) -> DataFrame:
    """Rows in quarantine as a page may show them: what the scanner found is not masked in their text yet."""
    return kept.drop("row") if any(seen.values()) else kept


def _audited(table: TableAudit, at: int) -> UnitAudit:
    one = table.profiles[at]
    checks = tuple(table.checks[one.data_date])
    return UnitAudit(table=table.name, data_date=one.data_date, checks=checks, fingerprint=one.fingerprint)
