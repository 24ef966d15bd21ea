"""A few rows for each check that did not pass, brought by one more query: what a person looks for first."""

from collections.abc import Iterator, Mapping, Sequence

from lakeloop.core.use_case import UseCase
from lakeloop.spark.offending_rows import FEW, Asked, Judged, Offence, Tables, find_rows
from lakeloop.spark.questions import Question, ask

_CHECKS, _LONGEST = 12, 200
Failed = Mapping[str, Judged]
Offenders = Mapping[Offence, Sequence[str]]


def offenders(case: UseCase, tables: Tables, checks: Failed) -> Offenders:
    """A few rows as text by offence, of the first offences that rows can show."""
    asked: dict[Offence, Question] = {}
    for offence in _failed(checks):
        if len(asked) == _CHECKS:
            break
        rows = find_rows(Asked(case, offence, tables, checks[offence.table]))
        if rows is not None:
            asked[offence] = Question(f"rows {len(asked)}", rows.limit(FEW))
    found = ask(list(asked.values()))
    return {offence: [_spelt(answer) for _, answer in found[question.name]] for offence, question in asked.items()}


def _failed(checks: Failed) -> Iterator[Offence]:
    for table, days in checks.items():
        for day, each in days.items():
            yield from (Offence(table, day, check.name) for check in each if not check.passed)


def _spelt(answer: Mapping[str, object]) -> str:
    words = (f"{name}={'null' if value is None else value}" for name, value in answer.items())
    return ", ".join(words)[:_LONGEST]
