"""`lakeloop contract show`: the same contracts as a table, a page, Markdown and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lakeloop.cli.contract_page import as_html, as_markdown, facts_of
from lakeloop.cli.main import app
from lakeloop.core.contract import Column, RowRule, TableContract
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
