"""A file that is not what its contract says is refused with its bytes kept, told once, and corrected by what comes next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from lakeloop.adapters.folder_source.source import FolderArrival
from lakeloop.core.deliveries import state_of
from lakeloop.core.errors import StillArriving
from lakeloop.core.lake import UnitId
from lakeloop.core.receipts import LandedRecord
from lakeloop.ports import Taken
from lakeloop.steps.history import read_ledger
from lakeloop.steps.plan import plan
from lakeloop.steps.platform import Platform
from tests.protocol.world import (
    DAY_ONE,
    Address,
    alerts,
    assert_accounted,
    assert_whole,
    changed,
    clean_rows,
    deliver,
    found,
    ingest_all,
    run,
)

D1, D2 = DAY_ONE, DAY_ONE + timedelta(days=1)
A, B = {1: 1.0, 2: 2.0}, {1: 10.0, 2: 20.0}


def landed(p: Platform) -> list[LandedRecord]:
    return read_ledger(p.lake, "toy").landed[UnitId("readings", D1)]


def semicolons(body: str) -> str:
    return body.replace(",", ";")


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (semicolons, "delimiter", "divides its columns by ';'"),
        (lambda body: body.replace("id", "ID"), "header", "'ID' should be written id"),
        (lambda body: body.replace("value", "välue"), "header", "value is missing, is it 'välue'?"),
        (lambda body: body + "3,3.0\n", "manifest_rows", "has 3 rows, its manifest says 2"),
        (lambda body: body.partition("\n")[0], "zero_rows", "has no row"),
        (lambda body: body + "\0", "nul", "line 4, byte 21: a NUL byte"),
    ],
)
def test_a_bad_file_is_refused_and_the_next_delivery_is_published(
    address: Address, spoil: Callable[[str], str], code: str, words: str
) -> None:
    p = found(address)
    deliver(address, D1, A, spoil=spoil)
    deliver(address, D2, A)
    done = ingest_all(p)
    assert (done["published"], done["refused"], clean_rows(p)) == (1, 1, {D2: A})
    assert words in done["summary"]  # which becomes the note of the run in Airflow
    (record,) = landed(p)
    assert (record.damage_code, words in record.damage, record.is_broken) == (code, True, False)
    assert p.lake.get("main", f"{record.path('toy')}readings.csv")
    assert [words in alert.body["cause"] for alert in alerts(p)] == [True]
    head = p.lake.head("main")
    assert ingest_all(p, 2)["nothing_to_do"]
    assert p.lake.head("main") == head
    deliver(address, D1, B, later=1)
    ingest_all(p, 3)
    assert clean_rows(p) == {D1: B, D2: A}
    assert_accounted(p)
    assert_whole(p)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.replace("value", "canary@nest.example", 1),
        lambda body: body.replace("value\n", "value,canary@nest.example\n", 1),
        lambda body: body.replace("id,value", "canary@nest.example,1.5"),
    ],
    ids=["in a column's place", "beside the columns", "a first row"],
)
def test_what_stands_in_a_wrong_header_is_known_to_landing_only(address: Address, spoil: Callable[[str], str]) -> None:
    p = found(address)
    deliver(address, D1, A, spoil=spoil)
    done = ingest_all(p)
    assert (done["refused"], "readings.csv line 1" in done["refusals"][0]) == (1, True)
    told = {path: p.lake.get("main", path) for path in p.lake.list("main", "")}
    told |= {"answer": repr(done).encode(), "alerts": repr([alert.body for alert in alerts(p)]).encode()}
    told["log"] = repr([(commit.message, commit.metadata) for commit in p.lake.log("main")]).encode()
    knowing = {where.partition("/")[0] for where, content in told.items() if b"canary" in content}
    assert knowing == {"landing"}


def test_what_did_not_fit_its_contract_is_looked_at_again_under_a_new_one(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A, spoil=lambda body: body.replace("id,value", "value,ID"))
    ingest_all(p)
    again = ingest_all(changed(p, version=2, delimiter=";"), 2)
    assert (again["refused"], "divides its columns by ','" in again["refusals"][0]) == (1, True)
    key, value = p.case.table("readings").columns
    q = changed(p, version=3, columns=(key.model_copy(update={"name": "ID"}), value), key=("ID",))
    unread = read_ledger(p.lake, "toy")
    assert state_of(unread, landed(p)[0], q.case.contract_version()) == "taken in"


def test_a_refusal_by_the_contract_is_answered_by_a_person(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A, spoil=semicolons)
    ingest_all(p)
    mended = changed(p, delimiter=";")
    assert ingest_all(mended, 2)["nothing_to_do"]  # the contract's version is the same: nobody asked
    asked = {"retry_refused": "the delimiter is right now", "date_from": D1, "date_to": D1, "actor": "ann"}
    assert [unit.doing for unit in plan(p, run("ingest", **asked)).units] == ["refuse"]
    unchanged = ingest_all(p, 3, **asked)
    assert (unchanged["refused"], "divides its columns" in unchanged["refusals"][0]) == (1, True)
    written = ingest_all(mended, 4, **asked)
    assert written["published"] == 1
    assert_whole(p)


def test_a_delivery_that_is_still_being_written_waits_for_the_next_run(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    p = found(address)
    deliver(address, D1, A)
    deliver(address, D2, B)
    take = FolderArrival.take

    def unfinished(arrival: FolderArrival) -> Taken:
        if arrival.record.data_date == D1:
            msg = "readings.csv is still being written"
            raise StillArriving(msg)
        return take(arrival)

    with monkeypatch.context() as patch:
        patch.setattr(FolderArrival, "take", unfinished)
        ingest_all(p)
    assert (clean_rows(p), alerts(p)) == ({D2: B}, [])
    ingest_all(p, 2)
    assert clean_rows(p) == {D1: A, D2: B}
    assert_whole(p)
