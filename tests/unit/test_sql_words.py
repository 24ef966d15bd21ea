"""The words of `lakeloop sql`: which views there are, and how the prompt listens."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

import pytest

from lakeloop.adapters.duckdb_sql import Answer
from lakeloop.cli.sql import Format, answer
from lakeloop.cli.sql_shell import converse
from lakeloop.cli.sql_views import views_of
from lakeloop.core.errors import InvalidInput

LAKE = {
    "clean/": ["flights", "toy"],
    "clean/flights/": ["weather"],
    "clean/toy/": ["sales"],
    "quarantine/": ["flights"],
    "quarantine/flights/": ["weather"],
    "scores/": ["flights", "toy"],
    "watch/": ["flights"],
    "watch/flights/": ["verdicts"],
}


def test_scores_unite_all_cases_and_each_clean_table_has_its_view() -> None:
    views = {view.name: view for view in views_of(lambda prefix: LAKE.get(prefix, []))}
    assert views["scores"].tables == (("flights", "scores/flights"), ("toy", "scores/toy"))
    assert views["scores"].where == "trust <> 'recalled'"
    assert views["scores_trusted"].where == "trust = 'trusted'"
    assert views["verdicts"].tables == (("flights", "watch/flights/verdicts"),)
    assert {"flights_weather", "toy_sales", "flights_weather_quarantine"} <= views.keys()


def test_an_empty_lake_has_no_table_behind_any_view() -> None:
    assert not any(view.tables for view in views_of(lambda _: []))


def talk(*said: str) -> tuple[list[str], list[str]]:
    """What was asked, and what the user said that was left."""
    left, asked = list(said), []

    def read(_: str) -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    def ask(query: str) -> None:
        asked.append(query)
        if "wrong" in query:
            message = "no such view"
            raise InvalidInput(message)

    converse(["scores"], ask, read)
    return asked, left


def test_a_query_of_several_lines_is_asked_at_its_semicolon() -> None:
    assert talk("select 1", "  , 2;", "", "select 3;")[0] == ["select 1\n  , 2;", "select 3;"]


def test_a_failed_query_is_said_and_the_prompt_stays(capsys: pytest.CaptureFixture[str]) -> None:
    assert talk("select wrong;", ".views", "select 1;")[0] == ["select wrong;", "select 1;"]
    assert "no such view\nscores\n" in capsys.readouterr().err


def test_quit_leaves_the_rest_unread() -> None:
    assert talk(".quit", "select 1;") == ([], ["select 1;"])


def rows() -> Iterable[tuple[object, ...]]:
    return iter([(1, "a,b"), (2, None)])


def test_csv_and_json_give_every_row_whole(capsys: pytest.CaptureFixture[str]) -> None:
    answer(Answer(("n", "t"), iter(rows())), Format.CSV)
    assert list(csv.reader(io.StringIO(capsys.readouterr().out))) == [["n", "t"], ["1", "a,b"], ["2", ""]]
    answer(Answer(("n", "t"), iter(rows())), Format.JSON)
    assert json.loads(capsys.readouterr().out) == [{"n": 1, "t": "a,b"}, {"n": 2, "t": None}]


def test_a_table_for_people_says_that_it_was_cut(capsys: pytest.CaptureFixture[str]) -> None:
    answer(Answer(("n",), ((n,) for n in range(500))), Format.TABLE)
    assert "the first 200 rows" in capsys.readouterr().err
