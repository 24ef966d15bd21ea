"""Accounts close whatever arrives: drawn mixtures of good and bad rows, many dates in one write."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import count
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as drawn_with
from hypothesis import strategies as st
from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.contract import TableContract
from lakeloop.core.reports import RowAccount
from lakeloop.settings import Settings
from lakeloop.spark import read
from lakeloop.spark.connect import ConnectRunner
from tests.spark.small_parcels import NAMES, Landed, Written, line, write

FIRST = date(2024, 5, 1)
HEADER = line({name: name for name in NAMES})
BAD = {  # the first reason of a row, and what it holds beside its id
    "missing:id": {"id": ""},
    "pattern:id": {"id": "toolong"},
    "text:note": {"note": "a\u202eb"},
    "type:weight": {"weight": "1e999"},
    "range:weight": {"weight": "1001"},
    "allowed:size": {"size": "SMALL"},
    "gap:picked": {"picked": "2024-03-10 02:30:00"},
    "repeated:picked": {"picked": "2024-11-03 01:30:00"},
    "rule:dear_is_insured": {"price": "999", "insured": "false"},
    "other_date": {"sent": "2030-01-01"},
}
UNREADABLE = {
    "csv": {"malformed": '"', "header_again": HEADER},
    "jsonl": {"malformed": "[1]", "repeated_key": '{"id": "A1", "id": "A2"}', "unknown_key": '{"key": "A1"}'},
}
KINDS = {form: ("good", "equal", "differs", *BAD, *lines) for form, lines in UNREADABLE.items()}


class Delivery(NamedTuple):
    """A date's file, and the account it must have."""

    landed: Landed
    account: RowAccount


def delivery(form: str, kinds: Sequence[str]) -> Delivery:
    numbers, lines, reasons, spare = count(1), [], Counter[str](), 0
    for kind in kinds:
        own = {"id": f"A{next(numbers)}", "weight": "5"}
        if kind in UNREADABLE[form]:
            lines.append(UNREADABLE[form][kind])
            reasons[kind] += 1
        elif kind in BAD:
            lines.append(as_line(form, own | BAD[kind]))
            reasons[kind] += 1
        else:
            again = {"good": [], "equal": [own, own], "differs": [own | {"weight": "6"}]}[kind]
            lines += [as_line(form, row) for row in (own, *again)]
            spare += 2 * (kind == "equal")
            reasons["duplicate_key"] += 2 * (kind == "differs")
    bad = +reasons
    published = len(lines) - spare - bad.total()
    account = RowAccount(
        rows_in=len(lines), published=published, quarantined=bad.total(), deduplicated=spare, by_first_reason=dict(bad)
    )  # fmt: skip
    header = [HEADER] if form == "csv" else []
    text = "".join(f"{one}\n" for one in (*header, *lines))
    return Delivery(Landed({f"rows.{form}": text.encode()}, len(lines)), account)


def as_line(form: str, row: dict[str, str]) -> str:
    if form == "csv":
        return line(row)
    return json.dumps({name: text if name not in {"weight", "insured"} else raw(text) for name, text in row.items()})


def raw(text: str) -> object:
    return json.loads(text) if text != "1e999" else text


def unlike(written: Written, deliveries: dict[date, Delivery]) -> set[date]:
    """The dates whose report or tables do not hold what they must."""
    found = set()
    for day, (_, account) in deliveries.items():
        told = written.units[day].account
        held = Counter(str(row["reasons"][0]) for row in written.quarantine[day])  # type: ignore[index]
        rows = len(written.clean[day]), dict(held)
        if told.model_copy(update={"by_any_reason": {}}) != account or rows != (account.published, account.by_first_reason):
            found.add(day)
    return found


def drawn_delivery(form: str) -> st.SearchStrategy[Delivery]:
    return st.builds(delivery, st.just(form), st.lists(st.sampled_from(KINDS[form]), min_size=3, max_size=15))


dates = st.lists(st.sampled_from(["csv", "jsonl"]).flatmap(drawn_delivery), min_size=20, max_size=40)


@drawn_with(
    max_examples=3, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck),
    database=None, print_blob=True,  # drawn anew each time and kept nowhere: a failure brings the line that draws it again
)  # fmt: skip
@given(drawn=dates)
def test_whatever_arrives_every_row_is_published_quarantined_or_a_spare(
    drawn: list[Delivery], stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner
) -> None:
    deliveries = {FIRST + timedelta(days=at): each for at, each in enumerate(drawn)}
    branch = f"drawn-{uuid.uuid4().hex[:8]}"
    written = write(stack, shared_lake, runner, branch, {day: each.landed for day, each in deliveries.items()})
    assert unlike(written, deliveries) == set()


def test_each_rule_that_is_switched_off_is_missed(
    stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    reasons = [*BAD, *UNREADABLE["csv"]]
    deliveries = {FIRST + timedelta(days=at): delivery("csv", [*KINDS["csv"]]) for at in range(len(reasons) + 1)}
    off = dict(zip(deliveries, reasons, strict=False))  # another one each date, and none on the last
    broken_rules = read.broken_rules

    def without_one(contract: TableContract, cells: object) -> SparkColumn:
        found = F.split(broken_rules(contract, cells), " ")
        missed = F.create_map(*(F.lit(word) for day, reason in off.items() for word in (str(day), reason)))
        left = F.array_remove(found, F.coalesce(F.try_element_at(missed, F.col("data_date").cast("string")), F.lit("none")))
        return F.array_join(left, " ")

    monkeypatch.setattr(read, "broken_rules", without_one)
    written = write(stack, shared_lake, runner, "switched-off", {day: each.landed for day, each in deliveries.items()})
    assert unlike(written, deliveries) == set(off)
