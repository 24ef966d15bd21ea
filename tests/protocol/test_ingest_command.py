"""`lakeloop ingest` on a real lake, with what Airflow would run in its place: a reason given there stands on the receipt."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from typer.testing import CliRunner

from lakeloop import wiring
from lakeloop.cli.main import app
from lakeloop.core.lake import UnitId
from lakeloop.core.receipts import DataReceipt
from lakeloop.stack.lakefs import LakefsServer
from lakeloop.steps.history import read_ledger, receipt_on
from lakeloop.steps.platform import Platform
from tests.protocol.world import DAY_ONE, Address, assert_whole, clean_rows, ingest_all, taken_back

FAULT, ROWS = -999.0, {1: 1.0, 2: 2.0}
NIGHT = DAY_ONE.replace(day=2)


class Airflow:
    """What the command asks of Airflow: each run is worked at once, as its configuration says and for its user."""

    def __init__(self, p: Platform, user: str) -> None:
        self._p, self._user = p, user
        self._done: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Airflow:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def unpause(self, _dag: str) -> None:
        """It never rests."""

    def runs(self, _dag: str, _limit: int) -> list[dict[str, Any]]:
        return []

    def trigger(self, _dag: str, conf: Mapping[str, str], note: str) -> str:
        run = f"{note} {len(self._done) + 1}"
        self._done[run] = ingest_all(self._p, 9, **conf, actor=self._user)
        return run

    def wait(self, _dag: str, run: str, _timeout: float) -> str:
        assert run in self._done
        return "success"

    def xcom(self, _dag: str, run: str, _task: str) -> dict[str, Any]:
        return self._done[run]

    def run_page(self, _dag: str, run: str) -> str:
        return run


@pytest.fixture
def p(address: Address) -> Platform:
    """A world in which the watch took a night back."""
    p = taken_back(address, NIGHT, ROWS, {1: FAULT, 2: 1.0})
    assert clean_rows(p) == {DAY_ONE: ROWS}
    return p


@pytest.fixture
def ingested(p: Platform, address: Address, lakefs_server: LakefsServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The command's own way to the world of the test; its answer as JSON."""
    told = {
        "HOME": str(lakefs_server.home), "LAKEFS_ENDPOINT": address.endpoint, "LAKEFS_ACCESS_KEY_ID": address.key,
        "LAKEFS_SECRET_ACCESS_KEY": address.secret, "REPOSITORY": address.repository, "FEED": str(address.folder / "feed"),
        "PLATFORM_DB_URL": f"sqlite:///{address.folder / 'platform.db'}", "AIRFLOW_USERNAME": "ann",
    }  # fmt: skip
    for name, value in told.items():
        monkeypatch.setenv(f"LAKELOOP_{name}", value)
    monkeypatch.setattr(wiring, "case_names", lambda: ["toy"])
    monkeypatch.setattr(wiring, "case_ref", lambda _: p.case_ref)
    monkeypatch.setattr("lakeloop.adapters.airflow_api.AirflowApi", lambda _url, user, _password: Airflow(p, user))

    def ask(*more: str) -> Any:
        night = NIGHT.isoformat()
        done = CliRunner().invoke(app, ["ingest", "toy", "--from", night, "--to", night, *more, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return ask


def test_what_was_withdrawn_comes_back_by_a_reason_which_stands_on_the_receipt_with_who_gave_it(
    p: Platform, ingested: Callable[..., Any]
) -> None:
    assert ingested()["verdict"].endswith("1 chunk had nothing open"), "without a reason it stays withdrawn"
    (planned,) = ingested("--reinstate", "the supplier confirmed it", "--dry-run")["units"]
    assert (planned["doing"], planned["data_date"]) == ("reinstate", NIGHT.isoformat())
    assert clean_rows(p) == {DAY_ONE: ROWS}, "a dry run does nothing"
    assert ingested("--reinstate", "the supplier confirmed it")["verdict"] == "1 unit published, 0 refused, in 1 run"
    assert clean_rows(p)[NIGHT] == {1: FAULT, 2: 1.0}
    owner = read_ledger(p.lake, "toy").owner(UnitId("readings", NIGHT))
    assert owner is not None
    receipt = receipt_on(p.lake, "main", owner.run_key)
    assert isinstance(receipt, DataReceipt)
    assert (receipt.actor, receipt.published[0].reinstated) == ("ann", "ann: the supplier confirmed it")
    assert ingested("--reinstate", "the supplier confirmed it")["verdict"].endswith("1 chunk had nothing open")
    assert_whole(p)
