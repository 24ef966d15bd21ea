"""The toy case's jobs done by delta-rs: what Spark does for real cases, without a JVM."""

import csv
import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError

from lakeloop.adapters.delta_tables import DeltaRsTables
from lakeloop.core.checkpoints import reached
from lakeloop.core.jobs import (
    AnyJob,
    AuditJob,
    AuditScoresJob,
    ChangeJob,
    EvidenceJob,
    LandedUnit,
    ScoreJob,
    Slice,
    WriteJob,
)
from lakeloop.core.lake import clean, quarantine
from lakeloop.core.reports import (
    AuditReport,
    ChangeReport,
    Check,
    DateEvidence,
    EvidenceReport,
    Fact,
    Refusal,
    Report,
    RowAccount,
    RowChange,
    ScoreReport,
    UnitAudit,
    UnitChange,
    UnitWritten,
    WriteReport,
)
from lakeloop.ports import Lake

FAULT = -999.0  # a value that the toy watch calls impossible
ODD = 13.0  # a value that the toy audit lets pass with a warning
FEWEST = 2  # rows that the toy audit wants
LOWEST = -1e6  # a row whose value is under it goes to quarantine
BLAMED = 900.0  # a check that no week before bears out, so that the checks are the odd ones
CLEAN, QUARANTINE, SCORES = "clean/toy/readings", "quarantine/toy/readings", "scores/toy"


class DeltaRunner:
    """ports.SparkRunner for the toy case."""

    labels = ""  # another table, whose values above zero are positive labels

    def __init__(self, lake: Lake, tables: DeltaRsTables, options: dict[str, str]) -> None:
        self._lake, self._tables, self._options = lake, tables, options
        self._jobs: dict[type[Any], Callable[[Any], Report]] = {
            WriteJob: self._write,
            AuditJob: self._audit,
            ChangeJob: self._change,
            ScoreJob: self._score,
            AuditScoresJob: self._audit_scores,
            EvidenceJob: self._evidence,
        }

    def run(self, job: AnyJob) -> Report:
        """Do one job."""
        return self._jobs[type(job)](job)

    def _uri(self, ref: str, table: str) -> str:
        return f"s3://{self._lake.repository}/{ref}/{table}"

    def _write(self, job: WriteJob) -> WriteReport:
        done = []
        for unit in job.units:
            cut = unit.shapes[0].delimiter
            text = self._lake.get(job.landing_commit, f"{unit.path}{unit.files[0]}").decode()
            found = csv.DictReader(io.StringIO(text), delimiter=cut)
            rows = [(int(one["id"]), float(one.get("value", 0))) for one in found]  # a contract may give the value up
            good = [row for row in rows if row[1] >= LOWEST]
            lines, bad = text.splitlines()[1:], len(rows) - len(good)
            low = {"range:value": bad} if bad else {}
            refusal, account = None, RowAccount(
                rows_in=len(rows), published=len(good), quarantined=bad, by_first_reason=low, by_any_reason=low
            )  # fmt: skip
            if unit.refused:
                reason, count = f"refused:{unit.refused}", len(rows)
                self._quarantine(job.branch, unit, lines, reason, job.run_key)
                refusal, firsts = Refusal(code=unit.refused, message=reason), {reason: count}
                account = RowAccount(rows_in=count, published=0, quarantined=count, by_first_reason=firsts, by_any_reason=firsts)
            else:
                self._replace(job.branch, unit.data_date, good, unit, job.run_key)
                if low:
                    kept = [line for line, (_, value) in zip(lines, rows, strict=True) if value < LOWEST]
                    self._quarantine(job.branch, unit, kept, "range:value", job.run_key)
            reached("runner.unit_written")
            done.append(
                UnitWritten(
                    table=unit.table, data_date=unit.data_date, delivery=unit.delivery, account=account, refusal=refusal
                )
            )  # fmt: skip
        return WriteReport(units=tuple(done))

    def _quarantine(self, branch: str, unit: LandedUnit, lines: list[str], reason: str, run_key: str) -> None:
        count = len(lines)
        table = pa.table(
            {
                "data_date": pa.array([unit.data_date] * count, pa.date32()),
                "run_key": [run_key] * count,
                "delivery": pa.array([unit.delivery] * count, pa.int64()),
                "line": pa.array(range(2, count + 2), pa.int64()),
                "row": lines,
                "reasons": [[reason]] * count,
            }
        )
        self._put(
            branch,
            quarantine("toy", unit.table),
            table,
            f"data_date = DATE '{unit.data_date}' AND run_key = '{run_key}'",
            "run_key",
        )

    def _replace(self, branch: str, day: date, rows: list[tuple[int, float]], unit: LandedUnit, run_key: str) -> None:
        count = len(rows)
        table = pa.table(
            {
                "id": pa.array([one[0] for one in rows], pa.int64()),
                "value": pa.array([one[1] for one in rows], pa.float64()),
                "data_date": pa.array([day] * count, pa.date32()),
                "delivered_at": pa.array([unit.delivered_at] * count, pa.timestamp("us", "UTC")),
                "available_at": pa.array([unit.available_at] * count, pa.timestamp("us", "UTC")),
                "delivery": pa.array([unit.delivery] * count, pa.int64()),
                "run_key": [run_key] * count,
            }
        )
        self._put(branch, clean("toy", unit.table), table, f"data_date = DATE '{day}'")

    def _put(self, branch: str, path: str, table: pa.Table, where: str, *partitions: str) -> None:
        uri = self._uri(branch, path)
        try:
            there = DeltaTable(uri, storage_options=self._options)
        except TableNotFoundError:
            write_deltalake(uri, table, partition_by=["data_date", *partitions], storage_options=self._options)
        else:
            write_deltalake(there, table, mode="overwrite", predicate=where)

    def _read(self, ref: str, path: str, day: date) -> pa.Table:
        table = DeltaTable(self._uri(ref, path), storage_options=self._options).to_pyarrow_table()
        return table.filter(pa.compute.equal(table["data_date"], pa.scalar(day, pa.date32())))

    def _audit(self, job: AuditJob) -> AuditReport:
        units = []
        for unit in job.units:
            day = unit.data_date.isoformat()
            table = clean("toy", unit.table)
            found = self._tables.fingerprints(job.snapshot, [Slice(table=table, values=(day,))])
            print_ = found[(table, day)]
            check = Check(name="row_count", observed=float(print_.rows), expected=f">= {FEWEST}", passed=print_.rows >= FEWEST)
            odd = ODD in self._read(job.snapshot, table, unit.data_date)["value"].to_pylist()
            mark = Check(name="odd", observed=None, expected="", passed=not odd, severity="warning", words=f"{ODD} is odd")
            units.append(UnitAudit(table=unit.table, data_date=unit.data_date, checks=(check, mark), fingerprint=print_))
        return AuditReport(units=tuple(units), pages={"audit.json": "{}"})

    def _change(self, job: ChangeJob) -> ChangeReport:
        done = []
        for table, day in ((table, day) for table, days in job.units.items() for day in days):
            was, now = (self._content(ref, table, day) for ref in (job.before, job.snapshot))
            both = was.keys() & now.keys()
            change = RowChange(
                added=len(now.keys() - was.keys()), removed=len(was.keys() - now.keys()),
                changed=sum(was[key] != now[key] for key in both), same=sum(was[key] == now[key] for key in both),
            )  # fmt: skip
            done.append(UnitChange(table=table, data_date=day, change=change))
        return ChangeReport(units=tuple(done))

    def _content(self, ref: str, table: str, day: date) -> dict[int, float]:
        rows = self._read(ref, clean("toy", table), day)
        return dict(zip(rows["id"].to_pylist(), rows["value"].to_pylist(), strict=True))

    def _score(self, job: ScoreJob) -> ScoreReport:
        prints = {}
        for day in job.dates:
            rows = self._read(job.passport.data_commit, CLEAN, day)
            count = rows.num_rows
            scored = pa.table(
                {
                    "id": rows["id"],
                    "score": pa.compute.divide(rows["value"], 100.0),
                    "data_date": rows["data_date"],
                    "run_key": [job.passport.run_key] * count,
                    "trust": [job.trust] * count,
                }
            )
            self._put(job.branch, SCORES, scored, f"data_date = DATE '{day}'")
            piece = Slice(table=SCORES, values=(day.isoformat(),))
            prints[day] = self._tables.fingerprints(job.branch, [piece], ["trust"])[(SCORES, day.isoformat())]
        return ScoreReport(dates=prints)

    def _audit_scores(self, job: AuditScoresJob) -> AuditReport:
        units = []
        for day in job.dates:
            piece = Slice(table=SCORES, values=(day.isoformat(),))
            print_ = self._tables.fingerprints(job.snapshot, [piece], ["trust"])[(SCORES, day.isoformat())]
            check = Check(name="row_count", observed=float(print_.rows), expected="> 0", passed=print_.rows > 0)
            units.append(UnitAudit(table="scores", data_date=day, checks=(check,), fingerprint=print_))
        return AuditReport(units=tuple(units), pages={"audit.html": "<p>"})

    def _evidence(self, job: EvidenceJob) -> EvidenceReport:
        dates = []
        for days in job.candidates.values():
            for day in days:
                values = self._read(job.data_commit, CLEAN, day)["value"].to_pylist()
                broken = FAULT in values
                fact = Fact(
                    name="identity:possible", table="readings", value=min(values), bound=f"> {FAULT}",
                    broken=broken, words=f"readings of {day} hold {FAULT}",
                )  # fmt: skip
                dates.append(
                    DateEvidence(
                        data_date=day, rows=len(values), history_days=30, facts=(fact,),
                        profile={"value_mean": sum(values) / len(values)},
                    )
                )  # fmt: skip
        settled = tuple(self._settled(job.data_commit, day) for day in job.settle)
        return EvidenceReport(dates=tuple(dates), settled=settled, aucs=self._aucs(job.data_commit, job.matured))

    def _aucs(self, commit: str, matured: tuple[date, ...]) -> dict[date, float]:
        """The AUC of published scores by date; the toy's own labels are of one class, by which nothing can be ranked."""
        found = {}
        for day in matured if self.labels else ():
            rows, labels = self._read(commit, SCORES, day), self._content(commit, self.labels, day)
            scores = dict(zip(rows["id"].to_pylist(), rows["score"].to_pylist(), strict=True))
            pairs = [(scores[one], scores[two]) for one in labels for two in labels if labels[one] > 0 >= labels[two]]
            found[day] = sum((high > low) + (high == low) / 2 for high, low in pairs) / len(pairs)
        return found

    def _settled(self, commit: str, day: date) -> DateEvidence:
        read, checked = (self._content(commit, table, day) for table in ("readings", "checks"))
        off = max((abs(read[key] - value) for key, value in checked.items() if key in read), default=0.0)
        table = "checks" if BLAMED in checked.values() else "readings"
        words = f"{table} are off by {off}"
        fact = Fact(name="settled:value", table=table, value=off, bound="<= 0", broken=off > 0, words=words)
        return DateEvidence(data_date=day, rows=len(checked), history_days=0, facts=(fact,))
