"""The audit as two files: numbers for machines, and one self-contained page for people."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

from lakeloop.core.contract import Severity
from lakeloop.core.jobs import AuditJob, AuditScoresJob
from lakeloop.core.reports import Check
from lakeloop.core.use_case import UseCase
from lakeloop.pages import render
from lakeloop.spark.offenders import Offenders
from lakeloop.spark.offending_rows import Offence
from lakeloop.spark.profiles import Profile

_WIDTH, _HEIGHT = 640.0, 72.0
_OF_ITS_DATE = re.compile(r" of \d| \(?not judged")  # from here on the words differ from date to date
_GRAVE = get_args(Severity)
_PLAIN = ("row_count", "key_coverage", "quarantine_count", "quarantine_share")


class TableAudit(NamedTuple):
    """One table's profiles and the checks of each of its dates."""

    name: str
    profiles: list[Profile]
    checks: dict[date, list[Check]]
    shown: Offenders = MappingProxyType({})

    def missed(self, day: date) -> list[Check]:
        """The checks that a date did not pass, the critical ones first."""
        return sorted((check for check in self.checks[day] if not check.passed), key=lambda check: _GRAVE.index(check.severity))

    def is_refused(self, day: date) -> bool:
        """Whether a critical check of a date did not pass."""
        return any(check.severity == "critical" for check in self.missed(day))


def pages(job: AuditJob | AuditScoresJob, case: UseCase, tables: Sequence[TableAudit]) -> dict[str, str]:
    """`audit.json` with every number, `audit.html` to be read."""
    units = sum(len(table.profiles) for table in tables)
    context = {"case": case, "job": job, "tables": [_view(table) for table in tables], "units": units}
    return {"audit.json": json.dumps(_numbers(job, tables)), "audit.html": render("lakeloop.spark", "audit.html.j2", **context)}


def _numbers(job: AuditJob | AuditScoresJob, tables: Sequence[TableAudit]) -> dict[str, Any]:
    return {
        "case": job.case,
        "snapshot": job.snapshot,
        "run_key": job.run_key,
        "asked": {table.name: _asked(table) for table in tables},
        "units": [
            {
                "table": table.name,
                "data_date": one.data_date.isoformat(),
                "passed": not table.is_refused(one.data_date),
                "fingerprint": one.fingerprint.model_dump(),
                "profile": one.values,
                "reasons": dict(one.reasons),
                "failed": [check.model_dump() | {"rows": list(rows)} for check, rows in _shown(table, one.data_date)],
            }
            for table in tables
            for one in table.profiles
        ],
    }


def _asked(table: TableAudit) -> list[str]:
    checks = next(iter(table.checks.values()), [])
    return [f"{check.name}: {check.expected}" for check in checks]


def _view(table: TableAudit) -> dict[str, Any]:
    """What the page shows of a table: its dates as a strip, its rows as a line, each check with its range over the dates."""
    ordered = sorted(table.profiles, key=lambda one: one.data_date)
    missed = [(one, _shown(table, one.data_date)) for one in ordered if table.missed(one.data_date)]
    return {
        "name": table.name,
        "dates": [(one.data_date, _state(table, one.data_date), int(one.values["row_count"] or 0)) for one in ordered],
        "first": ordered[0].data_date,
        "last": ordered[-1].data_date,
        "rows": int(sum(one.values["row_count"] or 0 for one in ordered)),
        "quarantined": int(sum(one.values["quarantine_count"] or 0 for one in ordered)),
        "failures": [(one, found) for one, found in missed if table.is_refused(one.data_date)],
        "marks": [(one, found) for one, found in missed if not table.is_refused(one.data_date)],
        "line": _line([one.values["row_count"] or 0 for one in ordered]),
        "most": int(max(one.values["row_count"] or 0 for one in ordered)),
        "checks": [_range(name, checks) for name, checks in _by_name(table)],
        "reasons": [(one.data_date, _reasons(one)) for one in ordered if one.reasons],
        "profiles": [(one.data_date, [one.values.get(name) for name in _PLAIN]) for one in ordered],
    }


def _reasons(one: Profile) -> list[tuple[str, int, float]]:
    """Rows in quarantine by first reason, the most first, and their share of all rows of the date."""
    every = sum(one.reasons.values()) + (one.values["row_count"] or 0)
    ordered = sorted(one.reasons.items(), key=lambda item: (-item[1], item[0]))
    return [(reason, rows, rows / every) for reason, rows in ordered]


def _shown(table: TableAudit, day: date) -> list[tuple[Check, Sequence[str]]]:
    return [(check, table.shown.get(Offence(table.name, day, check.name), ())) for check in table.missed(day)]


def _by_name(table: TableAudit) -> list[tuple[str, list[Check]]]:
    """The checks of all dates, each beside its like; a name may stand twice in a date, and be missing in another."""
    found: dict[tuple[str, int], list[Check]] = {}
    for checks in table.checks.values():
        met = Counter[str]()
        for check in checks:
            found.setdefault((check.name, met[check.name]), []).append(check)
            met[check.name] += 1
    return [(name, checks) for (name, _), checks in found.items()]


def _state(table: TableAudit, day: date) -> str:
    return "refused" if table.is_refused(day) else "marked" if table.missed(day) else ""


def _range(name: str, checks: Sequence[Check]) -> dict[str, Any]:
    """One check over all dates: what was asked, what was seen from least to most, and how many failed."""
    seen = sorted(check.observed for check in checks if isinstance(check.observed, int | float))
    words = {check.expected for check in checks}
    return {
        "name": name,
        "expected": checks[0].expected if len(words) == 1 else _OF_ITS_DATE.split(checks[0].expected)[0],
        "low": seen[0] if seen else None,
        "middle": seen[len(seen) // 2] if seen else None,
        "high": seen[-1] if seen else None,
        "unjudged": len(checks) - len(seen),
        "failed": sum(not check.passed for check in checks),
        "severity": checks[0].severity,
    }


def _line(values: Sequence[float]) -> str:
    """The points of a polyline; its floor is zero, so that a drop looks as large as it is."""
    most = max(values, default=0) or 1
    step = _WIDTH / max(len(values) - 1, 1)
    return " ".join(f"{at * step:.1f},{_HEIGHT - value / most * (_HEIGHT - 6) - 2:.1f}" for at, value in enumerate(values))
