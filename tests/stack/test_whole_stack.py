"""The real stack, brought up with a root and ports of its own, broken in every way a machine can break it, and healed."""

from __future__ import annotations

import os
import signal
import socket
import stat
from collections.abc import Iterator

import httpx
import psutil
import pytest

from lakeloop.adapters.airflow_api import AirflowApi
from lakeloop.settings import Settings
from lakeloop.stack import airflow, guard, ports
from lakeloop.stack import lifecycle as stack_lifecycle
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.lifecycle import Lifecycle, no_bootstrap
from lakeloop.stack.ports import LOOPBACK, free_port
from lakeloop.stack.status import status
from lakeloop.stack.supervisor import Supervisor
from tests.stack.waiting import eventually

pytestmark = [pytest.mark.more, pytest.mark.stack, pytest.mark.timeout(900)]

MEMORY_LIMIT_MIB = 4096
PROGRAMS = ("lakefs", "spark", "mlflow", *airflow.PROCESSES)


@pytest.fixture(scope="module")
def lifecycle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lifecycle]:
    home = tmp_path_factory.mktemp("stack") / "home"
    lifecycle = Lifecycle(Settings(home=home, tied_to=os.getpid(), any_port=True), no_bootstrap)
    yield lifecycle
    lifecycle.down()
    assert guard.strays(lifecycle.root.mark) == []


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    """A port that somebody else serves."""
    with socket.socket() as other:
        other.bind((LOOPBACK, free_port()))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture(scope="module")
def up(lifecycle: Lifecycle, taken: int) -> Settings:
    """A stack that lost a port to somebody else right after it had chosen it."""
    choices: list[dict[str, int]] = []

    def choose(kept: dict[str, int], usual: bool) -> dict[str, int]:
        choices.append(ports.choose(kept, usual) | ({} if choices else {"lakefs": taken}))
        return choices[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack_lifecycle, "choose", choose)
        settings = lifecycle.up()
    assert len(choices) == 2
    return settings


def service(root: StackRoot, name: str) -> int:
    found = guard.descendants(Supervisor(root).state(name).pid)
    return found[0] if found else 0


def test_every_part_works_and_says_so(up: Settings) -> None:
    found = status(up.home)
    assert found.ok, found
    assert {program.name for program in found.programs} >= set(PROGRAMS)


def test_a_taken_port_moved_and_every_address_followed(up: Settings, taken: int) -> None:
    assert up.lakefs_endpoint != f"http://{LOOPBACK}:{taken}"
    conf = (up.home / "spark/conf/spark-defaults.conf").read_text()
    assert f"spark.hadoop.fs.s3a.endpoint {up.lakefs_endpoint}" in conf
    assert httpx.get(f"{up.lakefs_endpoint}/_health", timeout=5).text.startswith("alive!")


def test_the_idle_stack_fits_its_memory(up: Settings) -> None:
    assert 500 < status(up.home).pss_mib < MEMORY_LIMIT_MIB


def test_only_loopback_is_listened_on(lifecycle: Lifecycle, up: Settings) -> None:
    ours = set(guard.strays(lifecycle.root.mark))
    listening = [each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN and each.pid in ours]
    assert {each.laddr.port for each in listening} >= {httpx.URL(up.lakefs_endpoint).port, httpx.URL(up.airflow_url).port}
    assert {each.laddr.ip for each in listening} <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def test_nobody_else_can_read_the_stack_root(up: Settings) -> None:
    others = stat.S_IRWXG | stat.S_IRWXO
    files = [path for path in up.home.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in (up.home, *files) if path.stat().st_mode & others] == []


def test_no_key_is_in_a_command_line_or_a_log(lifecycle: Lifecycle, up: Settings) -> None:
    secrets = [up.lakefs_secret_access_key, up.spark_token, up.airflow_password, up.registry_webhook_secret]
    lines = "\n".join(" ".join(psutil.Process(pid).cmdline()) for pid in guard.strays(lifecycle.root.mark))
    logs = "\n".join(path.read_text("utf-8", "replace") for path in (up.home / "logs").iterdir())
    assert not any(secret.get_secret_value() in lines + logs for secret in secrets)


def test_the_pool_of_the_one_spark_has_one_slot(up: Settings) -> None:
    with AirflowApi(up.airflow_url, up.airflow_username, up.airflow_password.get_secret_value()) as api:
        assert api.pool("spark")["slots"] == 1


def test_up_on_a_running_stack_changes_nothing(lifecycle: Lifecycle, up: Settings) -> None:
    before = {name: service(lifecycle.root, name) for name in PROGRAMS}
    assert lifecycle.up() == up
    assert {name: service(lifecycle.root, name) for name in PROGRAMS} == before


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_killed_service_comes_back_and_works(lifecycle: Lifecycle, up: Settings, name: str) -> None:
    killed = service(lifecycle.root, name)
    family = [killed, *guard.descendants(killed)]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in family), seconds=60)
    eventually(lambda: service(lifecycle.root, name), seconds=60)
    eventually(lambda: status(up.home).ok, seconds=180)


def test_a_killed_guard_of_a_forking_service_leaves_no_second_one(lifecycle: Lifecycle, up: Settings) -> None:
    name = "airflow-scheduler"
    old = Supervisor(lifecycle.root).state(name).pid
    left = guard.descendants(old)
    os.kill(old, signal.SIGKILL)
    eventually(lambda: service(lifecycle.root, name) not in {0, *left}, seconds=60)
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in left), seconds=60)
    lifecycle.up()


def test_a_killed_process_manager_leaves_nothing_and_the_next_up_heals(lifecycle: Lifecycle, up: Settings) -> None:
    daemon = psutil.Process(Supervisor(lifecycle.root).state("lakefs").pid).ppid()
    os.kill(daemon, signal.SIGKILL)
    eventually(lambda: guard.strays(lifecycle.root.mark) == [], seconds=60)
    assert not status(up.home).ok
    healed = lifecycle.up()
    assert healed.lakefs_endpoint == up.lakefs_endpoint
    assert status(healed.home).ok


def test_down_leaves_nothing_even_after_everyone_in_charge_was_killed(lifecycle: Lifecycle, up: Settings) -> None:
    supervisor = Supervisor(lifecycle.root)
    guards = [state.pid for state in supervisor.states()]
    daemon = psutil.Process(guards[0]).ppid()
    for pid in (daemon, *guards):
        os.kill(pid, signal.SIGKILL)
    lifecycle.down()
    assert guard.strays(lifecycle.root.mark) == []
