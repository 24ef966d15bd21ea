"""`lakeloop sql` over a real lake: one commit, every view, and sentences where something is missing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import date

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from typer.testing import CliRunner, Result

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.cli.main import app
from lakeloop.core.errors import InvalidInput, NotFound, Unavailable
from lakeloop.stack.lakefs import LakefsServer
from lakeloop.stack.ports import LOOPBACK, free_port

Sql = Callable[..., Result]


@pytest.fixture
def lake(lakefs_server: LakefsServer) -> LakeFSLake:
    """A fresh repository."""
    server = lakefs_server
    lake = LakeFSLake(server.endpoint, server.access_key_id, server.secret_access_key, f"t{uuid.uuid4().hex[:12]}")
    lake.create_repository(f"local://{lake.repository}")
    return lake


@pytest.fixture
def sql(lakefs_server: LakefsServer, lake: LakeFSLake) -> Sql:
    """Runs the command against that repository."""

    def run(*arguments: str, **env: str) -> Result:
        at = {
            "LAKELOOP_HOME": str(lakefs_server.home),
            "LAKELOOP_LAKEFS_ENDPOINT": lakefs_server.endpoint,
            "LAKELOOP_REPOSITORY": lake.repository,
            **env,
        }
        return CliRunner().invoke(app, ["sql", *arguments], env=at)

    return run


def write(server: LakefsServer, lake: LakeFSLake, path: str, rows: list[dict[str, object]]) -> str:
    """Appends rows to a Delta table on main and commits them; the commit."""
    options = {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": server.access_key_id,
        "AWS_SECRET_ACCESS_KEY": server.secret_access_key,
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    write_deltalake(f"s3://{lake.repository}/main/{path}", pa.Table.from_pylist(rows), mode="append", storage_options=options)
    return lake.commit("main", f"write {path}", {})


def scored(trust: str, score: float = 0.5) -> dict[str, object]:
    return {"data_date": date(2013, 7, 1), "score": score, "trust": trust}


def test_published_scores_of_all_cases_are_one_view_without_the_recalled(
    lakefs_server: LakefsServer, lake: LakeFSLake, sql: Sql
) -> None:
    write(lakefs_server, lake, "scores/flights", [scored("trusted"), scored("provisional"), scored("recalled")])
    write(lakefs_server, lake, "scores/toy", [{**scored("degraded"), "shop": "north"}])
    asked = sql("--json", "select use_case, trust, shop from scores order by all")
    assert asked.exit_code == 0, asked.output
    assert json.loads(asked.stdout) == [
        {"use_case": "flights", "trust": "provisional", "shop": None},
        {"use_case": "flights", "trust": "trusted", "shop": None},
        {"use_case": "toy", "trust": "degraded", "shop": "north"},
    ]
    assert json.loads(sql("--json", "select count(*) n from scores_trusted").stdout) == [{"n": 1}]


def test_each_clean_table_and_the_verdicts_have_a_view_and_show_tables_lists_them(
    lakefs_server: LakefsServer, lake: LakeFSLake, sql: Sql
) -> None:
    write(lakefs_server, lake, "clean/flights/weather", [{"origin": "JFK", "temp": 71.1}])
    write(lakefs_server, lake, "watch/flights/verdicts", [{"data_date": "2013-07-02", "verdict": "data_fault"}])
    assert sql("--format", "csv", "select origin, temp from flights_weather").stdout == "origin,temp\nJFK,71.1\n"
    assert json.loads(sql("--json", "select verdict from verdicts").stdout) == [{"verdict": "data_fault"}]
    assert sql("--format", "csv", "show tables").stdout.split() == ["name", "flights_weather", "verdicts"]


def test_another_ref_shows_what_was_there_then(lakefs_server: LakefsServer, lake: LakeFSLake, sql: Sql) -> None:
    before = write(lakefs_server, lake, "scores/flights", [scored("trusted")])
    write(lakefs_server, lake, "scores/flights", [scored("trusted")])
    count = "select count(*) n from scores"
    assert json.loads(sql("--json", count).stdout) == [{"n": 2}]
    assert json.loads(sql("--json", "--ref", before, count).stdout) == [{"n": 1}]


def test_an_empty_lake_says_that_nothing_is_published(sql: Sql) -> None:
    asked = sql("select * from scores")
    assert isinstance(asked.exception, InvalidInput)
    assert "Nothing is published" in str(asked.exception)


def test_an_unknown_view_is_answered_with_those_there_are(lakefs_server: LakefsServer, lake: LakeFSLake, sql: Sql) -> None:
    write(lakefs_server, lake, "clean/flights/weather", [{"origin": "JFK"}])
    asked = sql("select * from wether")
    assert isinstance(asked.exception, InvalidInput)
    assert "flights_weather; scores and verdicts will be there" in str(asked.exception)


def test_wrong_sql_a_missing_ref_and_a_dead_lake_are_one_sentence_without_a_key(lakefs_server: LakefsServer, sql: Sql) -> None:
    wrong, missing = sql("selec 1"), sql("--ref", "nope", "select 1")
    dead = sql("select 1", LAKELOOP_LAKEFS_ENDPOINT=f"http://{LOOPBACK}:{free_port()}")
    assert [type(each.exception) for each in (wrong, missing, dead)] == [InvalidInput, NotFound, Unavailable]
    for each in (wrong, missing, dead):
        assert lakefs_server.secret_access_key not in str(each.exception) + each.output


def test_a_tag_with_a_point_is_a_ref(lakefs_server: LakefsServer, lake: LakeFSLake, sql: Sql) -> None:
    write(lakefs_server, lake, "clean/flights/weather", [{"origin": "JFK"}])
    missing = sql("--ref", "v1.0", "select 1")
    assert isinstance(missing.exception, NotFound), missing.output


def test_a_cell_gives_a_terminal_no_orders_and_is_no_markup(sql: Sql) -> None:
    asked = sql("select chr(27) || '[31m[bold]red' as cell")
    assert "\\x1b[31m[bold]red" in asked.stdout
    assert "\x1b" not in asked.stdout


def test_the_query_may_come_from_standard_input(lakefs_server: LakefsServer, lake: LakeFSLake, sql: Sql) -> None:
    at = {
        "LAKELOOP_HOME": str(lakefs_server.home),
        "LAKELOOP_LAKEFS_ENDPOINT": lakefs_server.endpoint,
        "LAKELOOP_REPOSITORY": lake.repository,
    }
    asked = CliRunner().invoke(app, ["sql", "--format", "csv"], input="select 42 as answer", env=at)
    assert asked.stdout == "answer\n42\n"
