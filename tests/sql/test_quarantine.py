"""`lakeloop quarantine` over a real lake: reasons counted, rows as they came, and sentences where nothing is."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from typer.testing import CliRunner, Result

from lakeloop import wiring
from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.cli.main import app
from lakeloop.core.errors import ConfigurationError, InvalidInput, NoSuchName
from lakeloop.core.words import spelled
from lakeloop.stack.lakefs import LakefsServer
from tests.naughty import NO_TEXT, PLAIN_TEXT, is_plain

Command = Callable[..., Result]
NAUGHTY = "x'; DROP TABLE quarantined; --,\u202e"


@pytest.fixture
def command(lakefs_server: LakefsServer) -> Command:
    """Runs the command against a fresh repository with rows of two tables in quarantine."""
    server = lakefs_server
    lake = LakeFSLake(server.endpoint, server.access_key_id, server.secret_access_key, f"t{uuid.uuid4().hex[:12]}")
    lake.create_repository(f"local://{lake.repository}")
    put(server, lake, "quarantine/flights/weather", [
        row(1, 2, "EWR,warm", ["type:temp", "range:humid"]),
        row(1, 3, NAUGHTY, ["malformed"]),
        row(2, 2, "JFK,200", ["range:temp"]),
        row(2, 4, '{"temp": 1, "temp": 2}', ["repeated_key"]),
        row(2, 5, "LGA,2024-11-03T01:30", ["repeated:hour", "rangeXtemp"]),
    ])  # fmt: skip
    put(server, lake, "quarantine/toy/sales", [row(1, 9, "-1", ["range:sold"])])
    lake.commit("main", "rows", {})

    def run(*arguments: str) -> Result:
        at = {
            "LAKELOOP_HOME": str(server.home), "LAKELOOP_LAKEFS_ENDPOINT": server.endpoint,
            "LAKELOOP_REPOSITORY": lake.repository, "COLUMNS": "200",
        }  # fmt: skip
        return CliRunner().invoke(app, ["quarantine", *arguments], env=at)

    return run


def row(day: int, line: int, text: str, reasons: list[str]) -> dict[str, Any]:
    return {
        "data_date": date(2024, 1, day), "run_key": f"{day}" * 64, "delivery": 1, "line": line, "row": text, "reasons": reasons,
    }  # fmt: skip


def put(server: LakefsServer, lake: LakeFSLake, path: str, rows: list[dict[str, Any]]) -> None:
    options = {
        "AWS_ENDPOINT_URL": server.endpoint, "AWS_ACCESS_KEY_ID": server.access_key_id,
        "AWS_SECRET_ACCESS_KEY": server.secret_access_key, "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true",
    }  # fmt: skip
    write_deltalake(f"s3://{lake.repository}/main/{path}", pa.Table.from_pylist(rows), storage_options=options)


def found(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_a_row_counts_under_each_of_its_reasons(command: Command) -> None:
    rows = [(each["source"], each["data_date"], each["reason"], each["rows"]) for each in found(command("list", "--json"))]
    assert rows == [
        ("flights.weather", "2024-01-01", "malformed", 1),
        ("flights.weather", "2024-01-01", "range:humid", 1),
        ("flights.weather", "2024-01-01", "type:temp", 1),
        ("flights.weather", "2024-01-02", "range:temp", 1),
        ("flights.weather", "2024-01-02", "rangeXtemp", 1),
        ("flights.weather", "2024-01-02", "repeated:hour", 1),
        ("flights.weather", "2024-01-02", "repeated_key", 1),
        ("toy.sales", "2024-01-01", "range:sold", 1),
    ]
    assert "flights.weather" in command("list").stdout


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        (["--case", "toy"], [9]),
        (["--table", "weather"], [2, 3, 2, 4, 5]),
        (["--from", "2024-01-02"], [2, 4, 5]),
        (["--to", "2024-01-01", "--case", "flights"], [2, 3]),
        (["--reason", "range"], [2, 2, 9]),
        (["--reason", "range:temp"], [2]),
        (["--reason", "repeated"], [5]),
        (["--reason", "repeated_key"], [4]),
        (["--reason", "range_temp"], []),
        (["--reason", "%"], []),
        (["--reason", NAUGHTY], []),
        (["-n", "1"], [2]),
    ],
)
def test_rows_are_shown_as_they_came_by_what_is_asked(command: Command, asked: list[str], lines: list[int]) -> None:
    assert [each["line"] for each in found(command("show", "--json", *asked))] == lines


@pytest.mark.parametrize(
    ("reason", "counted"),
    [("repeated", ["repeated:hour"]), ("repeated_key", ["repeated_key"]), ("range", ["range:humid", "range:temp", "range:sold"])],
)
def test_a_reason_counts_itself_or_its_family_and_nothing_that_looks_alike(
    command: Command, reason: str, counted: list[str]
) -> None:
    assert [each["reason"] for each in found(command("list", "--json", "--reason", reason))] == counted


def test_a_reason_is_a_value_and_no_pattern_or_query(command: Command) -> None:
    for words in PLAIN_TEXT.values():
        assert found(command("show", "--json", "--reason", words)) == []
    done = command("list", "--reason", NO_TEXT["a title"])
    assert (done.exit_code, is_plain(done.output)) == (0, True)


@pytest.mark.parametrize("option", ["--case", "--table"])
def test_a_name_that_there_is_not_is_a_sentence_whatever_it_is(command: Command, option: str) -> None:
    for words in (PLAIN_TEXT["SQL"], PLAIN_TEXT["traversal"], NO_TEXT["a title"], NAUGHTY):
        done = command("show", "--json", option, words)
        assert isinstance(done.exception, NoSuchName), done.output
        assert (done.stdout, is_plain(spelled(str(done.exception)))) == ("", True)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--case", "fligths"], "there is no case 'fligths', there are flights, tiny, toy; nothing was listed"),
        (["--case", "flights", "--table", "wether"], "flights has no table 'wether'; it has airlines, airports, outcomes, "),
        (["--case", "toy", "--table", "weather"], "toy has no table 'weather'; it has sales; nothing was listed"),
        (["--table", "wether"], "no case has a table 'wether'; flights has airlines, "),
    ],
)
def test_a_mistyped_name_is_refused_with_those_there_are(command: Command, asked: list[str], told: str) -> None:
    for what in ("list", "show"):
        assert told in str(command(what, *asked).exception)


def test_a_case_that_cannot_be_loaded_is_in_nobody_else_s_way(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "case_names", lambda: ["broken", "flights"])
    for asked in (["--case", "flights"], ["--case", "flights", "--table", "schedule"], ["--case", "toy", "--table", "sales"]):
        assert command("list", *asked).exception is None
    assert isinstance(command("list", "--table", "schedule").exception, ConfigurationError)


def test_a_table_without_a_row_in_quarantine_is_no_mistake(command: Command) -> None:
    assert found(command("list", "--json", "--case", "flights", "--table", "schedule")) == []


def test_where_no_row_has_the_reason_those_there_are_are_named(command: Command) -> None:
    done = command("show", "--json", "--case", "toy", "--reason", "rnage")
    assert found(done) == []
    assert "no row of these has the reason 'rnage'; the reasons they have are range:sold" in done.stderr
    assert "whatever its reason" in command("show", "--table", "schedule", "--reason", "range").stderr
    assert "the reason" not in command("show", "--reason", "range").stderr


def test_where_nothing_is_in_quarantine_a_mistyped_name_is_refused_all_the_same(command: Command) -> None:
    assert found(command("list", "--json", "--table", "weather", "--ref", "main~1")) == []
    assert isinstance(command("list", "--table", "wether", "--ref", "main~1").exception, NoSuchName)


@pytest.mark.parametrize("words", [PLAIN_TEXT["traversal"], PLAIN_TEXT["SQL"], NO_TEXT["a title"]])
def test_what_can_be_no_ref_is_a_sentence(command: Command, words: str) -> None:
    done = command("show", "--ref", words)
    assert isinstance(done.exception, InvalidInput), done.output
    assert "is no name of a commit, branch or tag; nothing was read" in str(done.exception)


def test_a_row_is_shown_whole_with_all_its_reasons(command: Command) -> None:
    (both, naughty) = found(command("show", "--json", "--case", "flights", "--to", "2024-01-01"))
    assert (both["reasons"], both["row"], both["delivery"]) == ("type:temp range:humid", "EWR,warm", 1)
    assert naughty["row"] == NAUGHTY
    assert "DROP TABLE" in command("show", "--reason", "malformed").stdout


def test_a_replay_needs_a_reason(command: Command) -> None:
    done = command("replay", "flights", "--from", "2024-01-01")
    assert done.exit_code == 2
    assert "--reason" in done.output
