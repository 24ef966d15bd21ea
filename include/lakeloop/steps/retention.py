"""Retention: find what is past its time by contract, and take it from main in one gated merge."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from lakeloop.core.checkpoints import reached
from lakeloop.core.delta_log import log_of
from lakeloop.core.errors import ConfigurationError, Outdated
from lakeloop.core.jobs import Slice
from lakeloop.core.lake import DATE_COLUMN, EVIDENCE, MAIN, Stored, evidence_path, quarantine, run_key
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import RemovedRecord, RetentionReceipt, UnitRecord
from lakeloop.core.retention import before, due_evidence, due_landing, now_of, record_of
from lakeloop.core.runs import Run
from lakeloop.core.use_case import UseCase
from lakeloop.core.words import counted
from lakeloop.ports import Lake, TableFiles
from lakeloop.steps.bootstrap import gate_differences
from lakeloop.steps.delta_logs import tombstones_of
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, drop_branches, publish, put_evidence, seal
from lakeloop.steps.signing import about

REMOVED = "removed.txt"


class Due(NamedTuple):
    """One folder of which something is past its time, and exactly what."""

    record: RemovedRecord
    paths: tuple[str, ...]
    delivery: UnitRecord | None = None
    dates: tuple[str, ...] = ()  # of a quarantine


def due(lake: Lake, files: TableFiles, case: UseCase, ledger: Ledger, wall: datetime) -> list[Due]:
    """What of a case is past its time at the ledger's commit; nothing is written.

    Data dates and receipts age by the case's own time, what a table left behind by the clock of its log.
    """
    now = now_of(ledger, case, wall)
    if now is None:
        return []
    return [
        *_landing(lake, ledger, case, now), *_evidence(lake, ledger, case, now),
        *_quarantine(lake, files, ledger, case, now), *_versions(lake, ledger, case, wall),
    ]  # fmt: skip


def apply(p: Platform, run: Run, files: TableFiles, wall: datetime) -> dict[str, Any]:
    """Take what is past its time from main; what was taken before is not found again.

    Raises:
        ConfigurationError: main's gate is older than this code; nothing was removed.
    """
    differing = gate_differences(p.lake)
    if differing:
        msg = f"the gate on main is not this code's: {', '.join(differing)}; nothing was removed. Next: `lakeloop upgrade`."
        raise ConfigurationError(msg)
    for attempt in Retrying(retry=retry_if_exception_type(Outdated), stop=stop_after_attempt(5), reraise=True):
        with attempt:
            return _apply_once(p, run, files, wall)
    msg = "unreachable: the last attempt returns or raises"
    raise AssertionError(msg)


def _apply_once(p: Platform, run: Run, files: TableFiles, wall: datetime) -> dict[str, Any]:
    head = p.lake.head(MAIN)
    found = due(p.lake, files, p.case, read_ledger(p.lake, p.case.name, head), wall)
    if not found:
        return {"nothing_to_do": True, "summary": f"nothing of {p.case.name} is past its time"}
    works = [head, *(f"{one.record.what} {one.record.path} {one.record.digest}" for one in found)]
    key = run_key(case=p.case.name, stage="retention", works=works, contract="", code="")
    branch = run.branch(p.case.name)
    p.lake.create_branch(branch, head)
    reached("retention.branched")
    p.lake.remove(branch, [path for one in found if not one.dates for path in one.paths])
    for one in found:
        if one.dates:
            files.drop(branch, Slice(table=one.record.path.rstrip("/"), values=one.dates))
    reached("retention.removed")
    audited = p.lake.commit(branch, f"retention: {counted(len(found), 'folder')}", {"lakeloop_run_key": key})
    put_evidence(p.lake, branch, key, {REMOVED: "".join(f"{path}\n" for one in found for path in one.paths)})
    receipt = RetentionReceipt(
        **about(p, run, key=key, base=head, audited=audited), reason=run.reason,
        removed=tuple(one.record for one in found), deliveries=tuple(one.delivery for one in found if one.delivery),
    )  # fmt: skip
    seal(p.lake, branch, receipt)
    reached("retention.sealed")

    def check(now: Ledger) -> None:
        if now.head != head:
            msg = "main moved while it was looked through for what is past its time; nothing was removed."
            raise Outdated(msg)

    done = publish(p.lake, p.tables, p.lease, Work(branch, receipt, check))
    drop_branches(p.lake, branch)
    summary = (
        f"{counted(sum(one.record.objects for one in found), 'object')} of {p.case.name} removed, {evidence_path(key, REMOVED)}"
    )
    return {"nothing_to_do": False, "commit": done, "run_key": key, "summary": summary}


def _landing(lake: Lake, ledger: Ledger, case: UseCase, now: datetime) -> Iterator[Due]:
    expired = list(due_landing(ledger, case, now))
    there = _by_folder(lake.stored(ledger.head, f"landing/{case.name}/"), 5) if expired else {}
    for record, because in expired:
        objects = there.get(record.path(case.name), [])
        if objects:
            delivery = UnitRecord(**record.model_dump(include=set(UnitRecord.model_fields)))
            yield _due("landing", record.path(case.name), objects, because, delivery=delivery)


def _evidence(lake: Lake, ledger: Ledger, case: UseCase, now: datetime) -> Iterator[Due]:
    expired = due_evidence(ledger, case, now)
    there = _by_folder(lake.stored(ledger.head, EVIDENCE), 3) if expired else {}
    for key, because in expired.items():
        folder = evidence_path(key, "")
        if folder in there:
            yield _due("evidence", folder, there[folder], because)


def _quarantine(lake: Lake, files: TableFiles, ledger: Ledger, case: UseCase, now: datetime) -> Iterator[Due]:
    for contract in case.tables:
        until, table = before(case, now, contract.retention.quarantine_days), quarantine(case.name, contract.name)
        held = files.files(ledger.head, table) if until else frozenset()
        days = {name: _day_of(name) for name in held}
        old = {f"{table}/{name}": day for name, day in days.items() if until and day and day < until}
        if old:
            objects = [one for one in lake.stored(ledger.head, f"{table}/") if one.path in old]
            because = f"{counted(len(set(old.values())), 'date')} before {until}; {contract.name} keeps quarantine "
            because += f"{contract.retention.quarantine_days} days"
            yield _due("quarantine", f"{table}/", objects, because, dates=tuple(sorted({f"{day}" for day in old.values()})))


def _versions(lake: Lake, ledger: Ledger, case: UseCase, wall: datetime) -> Iterator[Due]:
    if case.versions_days is None:
        return
    until = wall - timedelta(days=case.versions_days)
    for area in ("clean", "quarantine", "scores", "watch"):
        objects = list(lake.stored(ledger.head, f"{area}/{case.name}/"))
        for log in sorted({found[0] for one in objects if (found := log_of(one.path))}):
            folder = log.removesuffix("_delta_log/")
            dead = {f"{folder}{name}" for name, when in tombstones_of(lake, ledger.head, log).items() if when < until}
            old = [one for one in objects if one.path in dead]
            if old:
                because = f"given up before {until:%Y-%m-%d %H:%M} UTC; {case.name} keeps versions {case.versions_days} days"
                yield _due("versions", folder, old, because)


def _due(what: str, path: str, objects: Sequence[Stored], because: str, **more: Any) -> Due:
    return Due(record_of(what, path, objects, because), tuple(one.path for one in objects), **more)


def _by_folder(objects: Iterable[Stored], depth: int) -> dict[str, list[Stored]]:
    found: dict[str, list[Stored]] = defaultdict(list)
    for one in objects:
        found["/".join(one.path.split("/")[:depth]) + "/"].append(one)
    return found


def _day_of(name: str) -> date | None:
    column, _, value = name.partition("/")[0].partition("=")
    return date.fromisoformat(value) if column == DATE_COLUMN else None
