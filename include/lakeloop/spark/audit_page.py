"""The audit as two files: numbers for machines, and one self-contained page for people."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from lakeloop.core.jobs import AuditJob, AuditScoresJob
from lakeloop.core.reports import Check
from lakeloop.core.use_case import UseCase
from lakeloop.pages import render
from lakeloop.spark.profiles import Profile

_WIDTH, _HEIGHT = 640.0, 72.0
_PLAIN = ("row_count", "key_coverage", "quarantine_count", "quarantine_share")


class TableAudit(NamedTuple):
    """One table's profiles and the checks of each of its dates."""

    name: str
    profiles: list[Profile]
    checks: dict[date, list[Check]]

    def failed(self, day: date) -> list[Check]:
        """The checks that a date did not pass."""
        return [check for check in self.checks[day] if not check.passed]


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
                "passed": not table.failed(one.data_date),
                "fingerprint": one.fingerprint.model_dump(),
                "profile": one.values,
                "failed": [check.model_dump() for check in table.failed(one.data_date)],
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
    failures = [(one, failed) for one in ordered if (failed := table.failed(one.data_date))]
    first = table.checks[ordered[0].data_date] if ordered else []
    return {
        "name": table.name,
        "dates": [(one.data_date, not table.failed(one.data_date), int(one.values["row_count"] or 0)) for one in ordered],
        "first": ordered[0].data_date,
        "last": ordered[-1].data_date,
        "rows": int(sum(one.values["row_count"] or 0 for one in ordered)),
        "quarantined": int(sum(one.values["quarantine_count"] or 0 for one in ordered)),
        "failures": failures,
        "line": _line([one.values["row_count"] or 0 for one in ordered]),
        "most": int(max(one.values["row_count"] or 0 for one in ordered)),
        "checks": [_range(table, at, check.name) for at, check in enumerate(first)],
        "profiles": [(one.data_date, [one.values.get(name) for name in _PLAIN]) for one in ordered],
    }


def _range(table: TableAudit, at: int, name: str) -> dict[str, Any]:
    """One check over all dates: what was asked, what was seen from least to most, and how many failed."""
    checks = [found[at] for found in table.checks.values()]
    seen = sorted(check.observed for check in checks if isinstance(check.observed, int | float))
    words = {check.expected for check in checks}
    return {
        "name": name,
        "expected": checks[0].expected if len(words) == 1 else checks[0].expected.split(" of ")[0].split(" not judged")[0],
        "low": seen[0] if seen else None,
        "middle": seen[len(seen) // 2] if seen else None,
        "high": seen[-1] if seen else None,
        "unjudged": len(checks) - len(seen),
        "failed": sum(not check.passed for check in checks),
    }


def _line(values: Sequence[float]) -> str:
    """The points of a polyline; its floor is zero, so that a drop looks as large as it is."""
    most = max(values, default=0) or 1
    step = _WIDTH / max(len(values) - 1, 1)
    return " ".join(f"{at * step:.1f},{_HEIGHT - value / most * (_HEIGHT - 6) - 2:.1f}" for at, value in enumerate(values))
