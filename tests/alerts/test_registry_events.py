"""What the inbox believes of MLflow's webhook, and how often it looks because of it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from lakeloop_airflow.alias_keeper import AliasKeeper
from lakeloop_airflow.inbox import registry_events
from lakeloop_airflow.inbox.registry_events import FRESH_SECONDS, RegistryEvents
from tests.stack.waiting import eventually

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import
SECRET = "hush"
MOVED = {"entity": "model_version_alias", "action": "created", "data": {"name": "toy", "alias": "champion", "version": "1"}}
APPENDS = "import sys; open(sys.argv[1], 'a').write(sys.argv[2] + ' ')"


def sent(told: Any = MOVED, *, secret: str = SECRET, age: int = 0, at: str = "") -> tuple[bytes, dict[str, str]]:
    """A delivery as MLflow signs it: by its own code."""
    from mlflow.webhooks.delivery import _generate_hmac_signature

    body, at = json.dumps(told), at or str(int(time.time()) - age)
    headers = {"X-MLflow-Delivery-Id": "d", "X-MLflow-Timestamp": at}
    return body.encode(), headers | {"X-MLflow-Signature": _generate_hmac_signature(secret, "d", at, body)}


def answered(body: bytes, headers: Mapping[str, str | bytes], secret: str = SECRET) -> tuple[int, list[str]]:
    """The status of the answer, and the cases that it had looked at."""
    asked: list[str] = []
    app = Starlette(routes=[Route("/registry", RegistryEvents(secret, lambda: ["toy"], asked.append).receive, methods=["POST"])])

    async def ask() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inbox") as client:
            return (await client.post("/registry", content=body, headers=headers)).status_code  # type: ignore[arg-type]

    return asyncio.run(ask()), asked


def test_the_names_are_mlflows_own() -> None:
    from mlflow.entities.webhook import WebhookAction, WebhookEntity
    from mlflow.webhooks import constants

    ours = (registry_events.SIGNATURE, registry_events.TIMESTAMP, registry_events.DELIVERY, registry_events.VERSION)
    assert ours == (
        constants.WEBHOOK_SIGNATURE_HEADER, constants.WEBHOOK_TIMESTAMP_HEADER, constants.WEBHOOK_DELIVERY_ID_HEADER,
        constants.WEBHOOK_SIGNATURE_VERSION,
    )  # fmt: skip
    alias = WebhookEntity.MODEL_VERSION_ALIAS.value
    assert ((alias, WebhookAction.CREATED.value), (alias, WebhookAction.DELETED.value)) == registry_events.EVENTS


@pytest.mark.parametrize("action", ["created", "deleted"])
def test_an_alias_that_moved_has_its_case_looked_at(action: str) -> None:
    assert answered(*sent(MOVED | {"action": action})) == (202, ["toy"])


def test_a_model_that_is_no_case_is_heard_and_left_alone() -> None:
    assert answered(*sent(MOVED | {"data": {"name": "--help"}})) == (202, [])


@pytest.mark.parametrize("age", [FRESH_SECONDS + 60, -FRESH_SECONDS - 60])
def test_a_delivery_of_another_time_is_refused(age: int) -> None:
    assert answered(*sent(age=age)) == (403, [])


@pytest.mark.parametrize("at", ["soon", "-1", "1e99"])
def test_a_time_that_is_none_is_refused(at: str) -> None:
    assert answered(*sent(at=at)) == (403, [])


def test_what_another_secret_signed_is_refused() -> None:
    assert answered(*sent(secret="guess")) == (403, [])


@pytest.mark.parametrize(
    "change",
    [
        {"X-MLflow-Signature": b"v1,\xe4"}, {"X-MLflow-Signature": b""}, {"X-MLflow-Delivery-Id": b"e"},
        {"X-MLflow-Timestamp": str(int(time.time()) + 1).encode()},
    ],
)  # fmt: skip
def test_what_is_signed_cannot_be_changed(change: dict[str, bytes]) -> None:
    body, headers = sent(age=5)
    assert answered(body, headers | change) == (403, [])
    assert answered(body.replace(b"toy", b"toi"), headers) == (403, [])


def test_without_a_secret_nothing_is_believed() -> None:
    assert answered(*sent(secret=""), secret="") == (403, [])


@pytest.mark.parametrize(
    "told",
    [MOVED | {"entity": "model_version"}, MOVED | {"action": "updated"}, MOVED | {"data": {}}, MOVED | {"data": None},
     MOVED | {"data": {"name": ["toy"]}}, [], "toy"],
)  # fmt: skip
def test_another_event_is_refused(told: Any) -> None:
    assert answered(*sent(told)) == (400, [])


def test_a_body_too_large_is_refused() -> None:
    assert answered(*sent(MOVED | {"more": "x" * 70_000})) == (413, [])


Keep = Callable[..., AliasKeeper]


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Keep]:
    made: list[AliasKeeper] = []

    def make(program: str = APPENDS, quiet: float = 0.3) -> AliasKeeper:
        made.append(AliasKeeper((sys.executable, "-c", program, str(tmp_path / "looked")), quiet))
        return made[-1]

    yield make
    for keeper in made:
        keeper.stop()


def _looked(tmp_path: Path) -> list[str]:
    return (tmp_path / "looked").read_text().split() if (tmp_path / "looked").exists() else []


def test_a_burst_is_one_look_at_each_case(keep: Keep, tmp_path: Path) -> None:
    keeper = keep()
    for case in ("toy", "flights", "toy", "toy"):
        keeper.ask(case)
    keeper.start()
    eventually(lambda: len(_looked(tmp_path)) >= 2)
    keeper.ask("last")
    eventually(lambda: _looked(tmp_path)[-1] == "last")
    assert _looked(tmp_path) == ["flights", "toy", "last"]


def test_events_without_end_do_not_put_off_the_look(keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakeloop_airflow.alias_keeper.LONGEST_WAIT", 0.5)
    keeper = keep(quiet=3600)
    keeper.start()
    keeper.ask("toy")
    eventually(lambda: _looked(tmp_path) == ["toy"])


def test_a_look_that_failed_is_followed_by_the_next(keep: Keep, tmp_path: Path) -> None:
    keeper = keep(f"{APPENDS}; sys.exit(sys.argv[2] == 'bad')")
    keeper.start()
    for case in ("bad", "toy"):
        keeper.ask(case)
    eventually(lambda: _looked(tmp_path) == ["bad", "toy"])


def test_the_end_does_not_wait_for_a_look_that_hangs(keep: Keep, tmp_path: Path) -> None:
    keeper = keep(f"{APPENDS}; import time; time.sleep(3600)")
    keeper.start()
    keeper.ask("toy")
    eventually(lambda: _looked(tmp_path) == ["toy"])
    keeper.stop()
    assert not keeper._thread.is_alive()
