"""The contracts of a case as one page: HTML for people, Markdown for a repository; made from the contracts and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.use_case import UseCase
from lakeloop.pages import render

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_ANY_TIME = (Column.model_fields["earliest"].default, Column.model_fields["latest"].default)


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
    rules = ["required"] if column.required else []
    if column.minimum is not None or column.maximum is not None:
        rules.append(_between(column.minimum, column.maximum))
    if column.type in {"date", "timestamp"} and (column.earliest, column.latest) != _ANY_TIME:
        rules.append(f"{column.earliest} to {column.latest}")
    if column.around_days is not None:
        rules.append(f"within {column.around_days} days of the data date")
    if column.timezone != "UTC":
        twice = column.repeated_hour or "refused"
        rules.append(f"{column.timezone} where no offset is given, an hour that comes twice: {twice}")
    if column.allowed is not None:
        rules.append(f"one of {', '.join(column.allowed)}")
    if column.pattern is not None:
        rules.append(f"matches {column.pattern}")
    if column.personal:
        rules.append("personal: masked outside landing/")
    if column.not_personal:
        rules.append(f"not personal: {column.not_personal}")
    if column.invisible:
        rules.append("may hold invisible characters")
    return "; ".join(rules)


def facts_of(table: TableContract) -> list[tuple[str, str]]:
    """What a contract says of the whole table, in words."""
    limits = [f"{share:.2%} {reason}" for reason, share in sorted(table.quarantine_limits.items())]
    return [
        ("key", ", ".join(table.key)),
        ("delivered", _delivered(table)),
        ("keys expected", _expected(table)),
        ("files", f"{', '.join(table.formats)}; CSV divided by {_DELIMITERS[table.delimiter]}"),
        ("no value", _no_value(table)),
        ("rows in quarantine, at most", "; ".join([f"{table.quarantine_limit:.2%} of all", *limits])),
        *((f"rule {rule.name}", f"{rule.words}: {rule.check}") for rule in table.rules),
        ("a row's own date", f"{table.date_of}; {_late(table)}" if table.date_of else "not asked"),
        ("owner", table.owner),
        ("version", str(table.version)),
    ]


_COLUMNS = ("column", "type", "unit", "rules", "what it is")


def _view(table: TableContract) -> dict[str, object]:
    columns = [(one.name, type_of(one), one.unit, rules_of(one), one.description) for one in table.columns]
    return {"name": table.name, "facts": facts_of(table), "columns": columns}


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


def _late(table: TableContract) -> str:
    return f"up to {table.late_days} days late is kept" if table.late == "keep" else "a row of another date is quarantined"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
