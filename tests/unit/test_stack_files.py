"""Keys, ports and files of a stack root."""

from __future__ import annotations

import base64
import json
import re
import socket
from pathlib import Path

import pytest

from lakeloop.settings import Settings
from lakeloop.stack import airflow, keys, mlflow, ports, spark
from lakeloop.stack.layout import StackRoot, read_json, write_private, write_private_json
from lakeloop.stack.lifecycle import Lifecycle, no_bootstrap
from lakeloop.wiring import placed
from use_cases.flights import FLIGHTS


def root_in(tmp_path: Path) -> StackRoot:
    return StackRoot(tmp_path / "home")


def test_keys_are_made_once_and_private(tmp_path: Path) -> None:
    first = keys.keys_of(root_in(tmp_path))
    assert keys.keys_of(root_in(tmp_path)) == first
    assert root_in(tmp_path).keys_file.stat().st_mode & 0o777 == 0o600


def test_a_key_added_by_a_newer_version_leaves_the_old_ones(tmp_path: Path) -> None:
    first = keys.keys_of(root_in(tmp_path))
    kept = read_json(root_in(tmp_path).keys_file)
    del kept["airflow_jwt_secret"]
    root_in(tmp_path).keys_file.write_text(json.dumps(kept))
    again = keys.keys_of(root_in(tmp_path))
    assert again.lakefs_secret_access_key == first.lakefs_secret_access_key
    assert len(again.airflow_jwt_secret) >= 64


def test_the_lakefs_key_fits_every_s3_client(tmp_path: Path) -> None:
    assert re.fullmatch(r"[A-Z0-9]{20}", keys.keys_of(root_in(tmp_path)).lakefs_access_key_id)


def test_keys_are_not_shown(tmp_path: Path) -> None:
    made = keys.keys_of(root_in(tmp_path))
    assert made.spark_token not in repr(made)


def test_mlflow_keeps_its_webhooks_secrets_under_a_key_that_lasts(tmp_path: Path) -> None:
    root = root_in(tmp_path)
    first, again = (mlflow.program(root, keys.keys_of(root), Settings(home=root.home), 5000).env for _ in range(2))
    key = first["MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"]
    assert (len(base64.urlsafe_b64decode(key)), again) == (32, first)
    assert Settings.load(root.home).registry_webhook_secret.get_secret_value() not in {"", key}


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    write_private(tmp_path / "a" / "file", "one")
    write_private(tmp_path / "a" / "file", "two")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]
    assert (tmp_path / "a" / "file").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


@pytest.mark.enable_socket
def test_a_taken_port_moves_and_the_others_stay() -> None:
    with socket.socket() as other:
        other.bind((ports.LOOPBACK, 0))
        other.listen()
        taken = other.getsockname()[1]
        free = {name: ports.free_port() for name in ports.WISHED}
        chosen = ports.choose(free | {"spark": taken})
    assert chosen["spark"] != taken
    assert {name: port for name, port in chosen.items() if name != "spark"} == {
        name: port for name, port in free.items() if name != "spark"
    }
    assert len(set(chosen.values())) == len(chosen)


def test_spark_listens_on_loopback_only_and_asks_for_its_token(tmp_path: Path) -> None:
    made = keys.keys_of(root_in(tmp_path))
    found = spark.configuration(root_in(tmp_path), made, Settings(home=tmp_path / "home"), 1)
    assert {found[f"spark.{name}"] for name in ("connect.grpc.binding.address", "driver.host", "driver.bindAddress")} == {
        "127.0.0.1"
    }
    assert found["spark.connect.authenticate.token"] == made.spark_token
    assert found["spark.ui.enabled"] == "false"


def test_airflow_calls_itself_at_the_port_it_has(tmp_path: Path) -> None:
    env = airflow.environment(root_in(tmp_path), keys.keys_of(root_in(tmp_path)), Settings(home=tmp_path / "home"), 8123)
    named = ("AIRFLOW__API__BASE_URL", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL")
    assert [env[name] for name in named] == ["http://127.0.0.1:8123", "http://127.0.0.1:8123/execution/"]
    assert env["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert env["AIRFLOW__CORE__PARALLELISM"] == "4"


def test_airflow_takes_the_postgres_that_is_named(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", airflow_db_url="postgresql+psycopg2://u:p@localhost/airflow")  # type: ignore[arg-type]
    assert airflow.database_url(root_in(tmp_path), settings) == "postgresql+psycopg2://u:p@localhost/airflow"
    assert airflow.database_url(root_in(tmp_path), Settings(home=tmp_path / "home")).startswith("sqlite:///")


def test_spark_writes_event_logs_where_it_was_told_and_none_otherwise(tmp_path: Path) -> None:
    root = root_in(tmp_path)
    quiet, telling = (
        spark.configuration(root, keys.keys_of(root), Settings(home=root.home, spark_events=events), 1)
        for events in (None, tmp_path / "events")
    )
    assert not any(name.startswith("spark.eventLog") for name in quiet)
    assert telling["spark.eventLog.dir"] == (tmp_path / "events").as_uri()
    assert (tmp_path / "events").is_dir()


def test_a_fit_has_as_many_workers_as_the_server_has_cores_unless_its_case_asks_for_fewer(tmp_path: Path) -> None:
    root = root_in(tmp_path)
    four = Settings(home=root.home, spark_cores=4)
    assert "local[4]" in spark.program(root, keys.keys_of(root), four, 1).argv
    assert placed(FLIGHTS, four).model == FLIGHTS.model.model_copy(update={"num_workers": 4})
    one = FLIGHTS.model_copy(update={"model": FLIGHTS.model.model_copy(update={"num_workers": 1})})
    assert placed(one, four) == one


def test_what_up_was_told_of_cores_holds_for_whoever_asks_later(tmp_path: Path) -> None:
    lifecycle = Lifecycle(Settings(home=root_in(tmp_path).home, spark_cores=4), no_bootstrap)
    write_private_json(lifecycle.root.stack_file, lifecycle._told())
    assert Settings.load(lifecycle.root.home).spark_cores == 4
