"""Who builds on a column or a table: features, label, gates, rules of the watch, the champion, views; found by name."""

from collections.abc import Iterator

from lakeloop.core.contract_change import ContractChange
from lakeloop.core.use_case import UseCase
from lakeloop.core.words import names_word


def touched(case: UseCase, change: ContractChange, source: str, champion: str = "") -> list[str]:
    """What a change touches; `source` is the text of the case's features, `champion` the model that scores now."""
    readers = [*_of_column(case, change.table, change.column, source)] if change.column else [*_of_table(case, change.table)]
    is_learnt = any(reader.startswith(("feature", "label")) for reader in readers)
    models = [f"champion {champion}, which was fitted on them"] if champion and is_learnt else []
    return [*readers, *models, f"view {case.name}_{change.table}"]


def _of_column(case: UseCase, table: str, column: str, source: str) -> Iterator[str]:
    yield from case.builds_on(table, column)
    if names_word(source, column):
        yield f"features {case.features}"


def _of_table(case: UseCase, table: str) -> Iterator[str]:
    if table in {read.table for read in case.reads} | set(case.references):
        yield f"features {case.features}"
    if case.label.table == table:
        yield f"label {case.label.name}"
    yield from (f"expected keys of {one.name}" for one in case.tables if one.expected and one.expected.table == table)
