"""`lakeloop contract show`: the same contracts as a table, a page, Markdown and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lakeloop.cli.contract_page import as_html, as_markdown, facts_of
from lakeloop.cli.main import app
from lakeloop.core.contract import Column, ExpectedKeys, FileLimits, Retention, RowRule, TableContract
from lakeloop.core.errors import InvalidInput
from lakeloop.settings import REPO_ROOT
from use_cases.flights import FLIGHTS


def shown(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["contract", "show", *arguments], env={"COLUMNS": "200", "NO_COLOR": "1"})


def test_every_column_of_every_table_is_shown() -> None:
    output = shown("flights").output
    assert [one.name for one in FLIGHTS.tables if f"{one.name}, key {', '.join(one.key)}" not in output] == []
    assert "required; one of EWR, JFK, LGA" in output


def test_json_is_the_contract_itself() -> None:
    found = json.loads(shown("flights", "--table", "weather", "--json").stdout)
    assert [TableContract.model_validate(one) for one in found] == [FLIGHTS.table("weather")]


def test_the_page_needs_nothing_from_outside_and_escapes_what_it_is_given(tmp_path: Path) -> None:
    shown("flights", "--html", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    assert "scheduled departure, local time" in page
    assert not [word for word in ("http:", "https:", "<script", "src=", "@import", "url(") if word in page]
    rule = RowRule(name="x", check="a < b", words="<script>alert(1)</script>")
    odd = TableContract(name="odd", columns=(Column(name="a", type="int", description="=1+1|<b>"),), key=("a",), rules=(rule,))
    assert "<script>alert" not in as_html(FLIGHTS, [odd])
    assert "=1+1\\|<b>" in as_markdown(FLIGHTS, [odd])


@pytest.mark.parametrize(
    ("words", "shown"),
    [(("NA",), "an empty cell; in CSV also NA"), (("NULL", "-"), "an empty cell; in CSV also NULL, -"), ((), "an empty cell")],
)
def test_the_page_says_what_is_no_value(words: tuple[str, ...], shown: str) -> None:
    table = TableContract(name="t", columns=(Column(name="a", type="int"),), key=("a",), null_words=words)
    assert dict(facts_of(table))["no value"] == shown
    assert f"<dt>no value</dt><dd>{shown}</dd>" in as_html(FLIGHTS, [table])


STATED: dict[str, tuple[dict[str, object], str]] = {  # each field of a column, and what the page says of it
    "name": ({"name": "nights"}, "nights"),
    "type": ({"type": "double"}, "double"),
    "required": ({"required": True}, "required"),
    "minimum": ({"type": "int", "minimum": 3}, "at least 3"),
    "maximum": ({"type": "int", "maximum": 7}, "at most 7"),
    "precision": ({"type": "decimal", "precision": 9}, "decimal(9,2)"),
    "scale": ({"type": "decimal", "scale": 4}, "decimal(18,4)"),
    "earliest": ({"type": "date", "earliest": "2001-02-03"}, "2001-02-03 to 2199-12-31"),
    "latest": ({"type": "date", "latest": "2031-02-03"}, "1900-01-01 to 2031-02-03"),
    "around_days": ({"type": "date", "around_days": 17}, "within 17 days of the data date"),
    "timezone": ({"type": "timestamp", "timezone": "Asia/Tokyo"}, "Asia/Tokyo where no offset is given"),
    "repeated_hour": (
        {"type": "timestamp", "timezone": "Asia/Gaza", "repeated_hour": "later"},
        "comes twice: later",
    ),
    "allowed": ({"allowed": ("a", "b")}, "one of a, b"),
    "pattern": ({"pattern": "[a-z]{3}"}, "matches [a-z]{3}"),
    "may_be_absent": ({"may_be_absent": True}, "may be absent from a file, and is null then"),
    "invisible": ({"invisible": True}, "may hold invisible characters"),
    "personal": ({"personal": True}, "personal: masked outside landing/"),
    "not_personal": ({"not_personal": "a mail box"}, "not personal: a mail box"),
    "description": ({"description": "how many slept here"}, "how many slept here"),
    "unit": ({"unit": "furlong"}, "furlong"),
}
PROMISED: dict[str, tuple[dict[str, object], str]] = {  # the same of a table
    "name": ({"name": "beds"}, "## beds"),
    "columns": ({"columns": (Column(name="a", type="int"), Column(name="late", type="string"))}, "`late`"),
    "key": ({"key": ("a", "b")}, "| key | a, b |"),
    "kind": ({"kind": "reference"}, "now and then, each delivery whole"),
    "lag_days": ({"lag_days": 5}, "for the date 5 days before"),
    "expected": ({"expected": ExpectedKeys(source="fixed", count=72, floor=0.3)}, "72; under 30% the delivery is refused"),
    "rules": ({"rules": (RowRule(name="sound", check="a > 5", words="never few"),)}, "| rule sound | never few: a > 5 |"),
    "date_of": ({"date_of": "to_date(b)"}, "to_date(b); a row of another date is quarantined"),
    "late": ({"late": "keep", "late_days": 2, "date_of": "to_date(b)"}, "up to 2 days late is kept"),
    "late_days": ({"late": "keep", "late_days": 9, "date_of": "to_date(b)"}, "up to 9 days late is kept"),
    "identity": ({"identity": ("b",)}, "| seen under one date only | b |"),
    "quarantine_limit": ({"quarantine_limit": 0.125}, "12.50% of all"),
    "quarantine_limits": ({"quarantine_limits": {"type:a": 0.002}}, "0.20% type:a"),
    "formats": ({"formats": ("jsonl",)}, "| files | jsonl;"),
    "delimiter": ({"delimiter": "\t"}, "CSV divided by tabs"),
    "null_words": ({"null_words": ("NULL",)}, "in CSV also NULL"),
    "limits": ({"limits": FileLimits(parquet=1234)}, "1,234 bytes of a Parquet file"),
    "retention": ({"retention": Retention(landing_days=40)}, "landing 40 days; quarantine for ever"),
    "version": ({"version": 41}, "| version | 41 |"),
    "owner": ({"owner": "night-desk"}, "night-desk"),
    "breaks": ({"breaks": "the sensor was taken down"}, "| breaks what was promised | the sensor was taken down |"),
}
ANY = (Column(name="a", type="int"), Column(name="b", type="string"))


def page_of(**asked: object) -> str:
    return as_markdown(FLIGHTS, [TableContract.model_validate({"name": "t", "columns": ANY, "key": ("a",)} | asked)])


@pytest.mark.parametrize("field", Column.model_fields)
def test_the_page_says_whatever_a_column_states(field: str) -> None:
    asked, words = STATED[field]
    told = [page_of(columns=(*ANY, {"name": "c", "type": "string"} | said)) for said in (asked, {})]
    assert [words in page for page in told] == [True, False]


@pytest.mark.parametrize("field", TableContract.model_fields)
def test_the_page_says_whatever_a_table_states(field: str) -> None:
    asked, words = PROMISED[field]
    assert [words in page for page in (page_of(**asked), page_of())] == [True, False]


@pytest.mark.parametrize("name", FileLimits.model_fields)
def test_the_page_says_each_limit_of_files(name: str) -> None:
    assert "98,765 " in page_of(limits=FileLimits(**{name: 98765}))


@pytest.mark.parametrize("name", Retention.model_fields)
def test_the_page_says_how_long_each_place_keeps_something(name: str) -> None:
    assert " 98765 days" in page_of(retention=Retention(**{name: 98765}))


@pytest.mark.parametrize("type_", ["date", "timestamp"])
def test_the_page_says_the_years_that_every_time_is_held_to(type_: str) -> None:
    assert "1900-01-01 to 2199-12-31" in page_of(columns=(*ANY, Column(name="c", type=type_)))  # type: ignore[arg-type]


def test_the_suites_of_the_flights_leave_limits_of_quarantine_to_the_contract() -> None:
    """So that the page, which is made of the contract, tells all of them."""
    texts = [path.read_text("utf-8") for path in (REPO_ROOT / "expectations" / "flights").glob("*.json")]
    assert [text for text in texts if "quarantine_share" in text] == []
    assert "1.00% duplicate_key; 1.00% type" in as_markdown(FLIGHTS, [FLIGHTS.table("weather")])


def test_the_docs_hold_the_contracts_as_they_are() -> None:
    written = (REPO_ROOT / "docs" / "contracts" / "flights.md").read_text("utf-8")
    assert written == as_markdown(FLIGHTS, FLIGHTS.tables), "lakeloop contract show flights --markdown docs/contracts/flights.md"


@pytest.mark.parametrize("contract", FLIGHTS.tables, ids=lambda contract: contract.name)
def test_every_column_of_the_flights_case_is_described(contract: TableContract) -> None:
    assert [column.name for column in contract.columns if not column.description] == []


def test_what_is_not_there_is_named() -> None:
    assert "flights has no table 'sales'; it has schedule, weather" in str(shown("flights", "--table", "sales").exception)
    assert isinstance(shown("flights", "--table", "sales").exception, InvalidInput)
    assert "there is no case 'nothing'" in str(shown("nothing").exception)


FOREIGN = """
apiVersion: v3.1.0
kind: DataContract
team: {name: shop}
schema:
  - name: orders
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: buyer, logicalType: string, classification: restricted}
"""


def test_a_supplier_s_marking_is_refused_or_left_out_in_so_many_words(tmp_path: Path) -> None:
    document = tmp_path / "theirs.yaml"
    document.write_text(FOREIGN, "utf-8")
    refused = CliRunner().invoke(app, ["contract", "import", str(document)])
    assert "no contract here says orders.buyer.classification; nothing was imported" in str(refused.exception)
    assert refused.stdout == ""
    done = CliRunner().invoke(app, ["contract", "import", str(document), "--leave-out"])
    comment = "not imported: orders.buyer.classification: 'restricted'\n"
    assert f"# {comment}" in done.stdout
    assert done.stderr == f"{comment}left out, since it decides about no row and no person: team\n"
