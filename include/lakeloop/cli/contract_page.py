"""The contracts of a case as one page: HTML for people, Markdown for a repository; made from the contracts and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from lakeloop.core.contract import Column, FileLimits, Retention, TableContract
from lakeloop.core.use_case import UseCase
from lakeloop.core.words import counted
from lakeloop.pages import render

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_IN_FORCE = {
    "files": "files",
    "size": "bytes in all",
    "unpacked": "bytes of a file unpacked",
    "ratio": "times its size unpacked",
    "columns": "columns",
    "line": "bytes a line",
    "parquet": "bytes of a Parquet file",
}


def as_html(case: UseCase, tables: Sequence[TableContract]) -> str:
    """A page of its own, without outside resources."""
    return render("lakeloop.cli", "contract.html.j2", case=case, tables=[_view(table) for table in tables])


def as_markdown(case: UseCase, tables: Sequence[TableContract]) -> str:
    """The same as Markdown."""
    parts = [f"# The contracts of {case.name}", "Made by `lakeloop contract show`; the contracts are in the case's Python."]
    for table in tables:
        columns = [(f"`{one.name}`", type_of(one), one.unit, rules_of(one), one.description) for one in table.columns]
        parts += [f"## {table.name}", _table(("", ""), facts_of(table)), _table(_COLUMNS, columns)]
    return "\n\n".join(parts) + "\n"


def type_of(column: Column) -> str:
    """A column's type in words, e.g. decimal(8,2)."""
    return f"decimal({column.precision},{column.scale})" if column.type == "decimal" else column.type


def rules_of(column: Column) -> str:
    """A column's rules in words."""
    flags = {
        "personal: masked outside landing/": column.personal,
        f"not personal: {column.not_personal}": column.not_personal,
        "may hold invisible characters": column.invisible,
        "may be absent from a file, and is null then": column.may_be_absent,
    }
    required = ["required"] if column.required else []
    return "; ".join([*required, *_ranges(column), *_texts(column), *(words for words, is_so in flags.items() if is_so)])


def facts_of(table: TableContract) -> list[tuple[str, str]]:
    """What a contract says of the whole table, in words."""
    limits = [f"{share:.2%} {reason}" for reason, share in sorted(table.quarantine_limits.items())]
    return [
        ("key", ", ".join(table.key)),
        *([("seen under one date only", ", ".join(table.identity))] if table.identity else []),
        ("delivered", _delivered(table)),
        ("keys expected", _expected(table)),
        ("files", f"{', '.join(table.formats)}; CSV divided by {_DELIMITERS[table.delimiter]}"),
        ("a delivery, at most", "; ".join(_limits(table.limits))),
        ("no value", _no_value(table)),
        ("rows in quarantine, at most", "; ".join([f"{table.quarantine_limit:.2%} of all", *limits])),
        *((f"rule {rule.name}", f"{rule.words}: {rule.check}") for rule in table.rules),
        ("a row's own date", f"{table.date_of}; {_late(table)}" if table.date_of else "not asked"),
        ("kept", _kept(table.retention)),
        ("owner", table.owner),
        ("version", str(table.version)),
        *([("breaks what was promised", table.breaks)] if table.breaks else []),
    ]


_COLUMNS = ("column", "type", "unit", "rules", "what it is")


def _view(table: TableContract) -> dict[str, object]:
    columns = [(one.name, type_of(one), one.unit, rules_of(one), one.description) for one in table.columns]
    return {"name": table.name, "facts": facts_of(table), "columns": columns}


def _ranges(column: Column) -> list[str]:
    rules = []
    if column.minimum is not None or column.maximum is not None:
        rules.append(_between(column.minimum, column.maximum))
    if column.type in {"date", "timestamp"}:
        rules.append(f"{column.earliest} to {column.latest}")
    if column.around_days is not None:
        rules.append(f"within {column.around_days} days of the data date")
    if column.timezone != "UTC":
        twice = column.repeated_hour or "refused"
        rules.append(f"{column.timezone} where no offset is given, an hour that comes twice: {twice}")
    return rules


def _texts(column: Column) -> list[str]:
    allowed = [] if column.allowed is None else [f"one of {', '.join(column.allowed)}"]
    return allowed if column.pattern is None else [*allowed, f"matches {column.pattern}"]


def _between(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"at least {low:,g}" if low is not None else f"at most {high:,g}"
    return f"{low:,g} to {high:,g}"


def _delivered(table: TableContract) -> str:
    if table.kind == "reference":
        return "now and then, each delivery whole"
    return f"nightly, for the date {table.lag_days} days before" if table.lag_days else "nightly, for the same date"


def _expected(table: TableContract) -> str:
    rule = table.expected
    if rule is None:
        return "not asked"
    words = {"fixed": str(rule.count), "table": f"as {rule.table} has", "trailing": f"the median of {rule.days} days before"}
    return f"{words[rule.source]}; under {rule.floor:.0%} the delivery is refused"


def _no_value(table: TableContract) -> str:
    return "; in CSV also ".join(["an empty cell", *([", ".join(table.null_words)] if table.null_words else [])])


def _limits(limits: FileLimits) -> list[str]:
    return [f"{getattr(limits, field):,} {words}" for field, words in _IN_FORCE.items()]


def _kept(retention: Retention) -> str:
    spans = {"landing": retention.landing_days, "quarantine": retention.quarantine_days}
    return "; ".join(f"{place} {'for ever' if days is None else counted(days, 'day')}" for place, days in spans.items())


def _late(table: TableContract) -> str:
    return f"up to {table.late_days} days late is kept" if table.late == "keep" else "a row of another date is quarantined"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
