"""The compose stack for real: every part works, one night is published on it, and its keys are where they belong only."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from deltalake import DeltaTable

from lakeloop.cli.stack import client_environment
from lakeloop.settings import Settings
from lakeloop.stack import airflow_ready
from tests.compose.conftest import Compose
from tests.compose.test_file import ONCE, SERVICES
from tests.integration.nights import CASE, Nights

pytestmark = [pytest.mark.compose, pytest.mark.timeout(3600)]
TABLES = ("schedule", "weather", "outcomes")


def counted(settings: Settings, name: str) -> int:
    """The rows of a published table, read by delta-rs with what `lakeloop env` gives to clients on this machine."""
    given = client_environment(settings)["lakefs"]
    options = {
        "AWS_ENDPOINT_URL": given["endpoint"],
        "AWS_ACCESS_KEY_ID": given["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": given["secret_access_key"],
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    return int(DeltaTable(f"s3://{given['repository']}/main/{name}", storage_options=options).to_pyarrow_dataset().count_rows())


def asked(compose: Compose, query: str) -> list[dict[str, Any]]:
    """The same lake through `lakeloop sql` inside a container."""
    return list(json.loads(compose("exec", "--no-TTY", "airflow-scheduler", "lakeloop", "sql", query, "--json")))


def test_every_service_is_healthy_or_has_done_its_work(containers: dict[str, Any]) -> None:
    assert containers.keys() == SERVICES.keys() - {"secrets"}
    for name, found in containers.items():
        state = found["State"]
        if name in ONCE:
            assert (state["Status"], state["ExitCode"]) == ("exited", 0), name
        elif name != "pod":
            assert state["Health"]["Status"] == "healthy", name


def test_a_task_runs(stack: Settings) -> None:
    airflow_ready.prove_a_task_runs(stack)


def test_nobody_is_root_and_only_loopback_is_published(containers: dict[str, Any]) -> None:
    for name, found in containers.items():
        assert found["Config"]["User"].partition(":")[0] not in {"", "0", "root"}, name
        assert found["HostConfig"]["ReadonlyRootfs"], name
        assert found["HostConfig"]["Memory"] > 0, name
        bound = [each["HostIp"] for ports in found["HostConfig"]["PortBindings"].values() for each in ports]
        assert set(bound) <= {"127.0.0.1"}, name


def test_a_night_is_published_and_main_attests(nights: Nights) -> None:
    nights.play(nights.next())
    assert nights.attests()


def test_two_readers_count_the_same_rows(nights: Nights, stack: Settings, compose: Compose) -> None:
    for name in TABLES:
        (row,) = asked(compose, f"select count(*) as n from {CASE}_{name}")
        assert row["n"] == counted(stack, f"clean/{CASE}/{name}") > 0, name
    (row,) = asked(compose, "select count(*) as n, count(distinct data_date) as days from scores")
    assert row["n"] == counted(stack, f"scores/{CASE}") > 0
    assert row["days"] >= 1


def test_no_key_is_in_what_the_engine_tells_or_in_a_log(
    nights: Nights, stack: Settings, containers: dict[str, Any], compose: Compose
) -> None:
    services = json.loads((stack.home / "services.json").read_text())
    keys = json.loads((stack.home / "keys.json").read_text())
    secrets = {
        name: value for name, value in (services | keys).items() if name not in {"installation_id", "lakefs_access_key_id"}
    }
    running = [found["Id"] for name, found in containers.items() if name not in ONCE]
    lines = [subprocess.run(["docker", "top", each], check=True, capture_output=True, text=True).stdout for each in running]
    told = json.dumps(containers) + "".join(lines) + compose("logs", "--no-color")
    assert [name for name, value in secrets.items() if value in told] == []


def test_what_was_published_is_there_after_the_stack_went_down_and_up(nights: Nights, stack: Settings, compose: Compose) -> None:
    before, rows = nights.stage.lake.head("main"), counted(stack, f"scores/{CASE}")
    compose("down")
    compose("up", "--detach", "--wait", "--wait-timeout", "600")
    assert nights.stage.lake.head("main") == before
    assert counted(stack, f"scores/{CASE}") == rows
    nights.play(nights.next())
