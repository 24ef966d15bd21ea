"""What arrives is taken in, refused with its reason, or named in an alert: nothing of a feed vanishes, nothing stops the rest."""

import contextlib
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest

from lakeloop.adapters.folder_source.source import FolderArrival
from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core import feed
from lakeloop.core.errors import InvalidInput
from lakeloop.core.lake import UnitId
from lakeloop.core.receipts import DataReceipt
from lakeloop.core.use_case import UseCase
from lakeloop.ports import Arrival, Feed, Taken
from lakeloop.steps import landing
from lakeloop.steps.history import read_ledger, receipt_on
from lakeloop.steps.platform import Platform
from tests.naughty import REASON
from tests.protocol import delta_runner
from tests.protocol.delta_runner import FAULT
from tests.protocol.world import (
    DAY_ONE,
    Address,
    assert_accounted,
    assert_whole,
    clean_rows,
    crowned,
    deliver,
    found,
    ingest_all,
    score_all,
    watch_all,
)

D1, D2, D3 = (DAY_ONE + timedelta(days=n) for n in range(3))
A, B, C = {1: 1.0, 2: 2.0}, {1: 10.0, 2: 20.0, 3: 30.0}, {4: 4.0, 5: 5.0}


def folder_of(at: Address, day: date, number: int = 1) -> Path:
    return at.folder / "feed" / "toy" / "readings" / day.isoformat() / str(number)


def bytes_of(p: Platform, day: date) -> list[bytes]:
    paths = sorted(p.lake.list("main", f"landing/toy/readings/{day}/"))
    return [p.lake.get("main", path) for path in paths if path.endswith(".csv")]


def causes(p: Platform) -> list[str]:
    return [alert.body["cause"] for alert in p.outbox.all()]  # type: ignore[attr-defined]


def mend(folder: Path, rows: dict[int, float]) -> None:
    (folder / "readings.csv").write_text("id,value\n" + "".join(f"{key},{value}\n" for key, value in sorted(rows.items())))


def test_a_truncated_copy_that_comes_whole_with_the_same_manifest_is_published(address: Address) -> None:
    p = found(address)
    deliver(address, D1, B, damaged=True)
    ingest_all(p)
    shutil.copytree(folder_of(address, D1), folder_of(address, D1, 2))
    mend(folder_of(address, D1, 2), B)
    assert (ingest_all(p)["published"], clean_rows(p)) == (1, {D1: B})
    head = p.lake.head("main")
    assert ingest_all(p)["nothing_to_do"]  # the damaged folder is still there, and known
    assert p.lake.head("main") == head
    assert list(p.lake.branches("run-toy-ingest")) == []
    assert_whole(p)


def test_a_damaged_folder_mended_in_place_is_published(address: Address) -> None:
    p = found(address)
    deliver(address, D1, B, damaged=True)
    ingest_all(p)
    mend(folder_of(address, D1), B)
    ingest_all(p)
    assert clean_rows(p) == {D1: B}


def test_a_damaged_folder_is_read_once_and_once_more_when_it_was_touched(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "SETTLED_SECONDS", -3600.0)  # as if it had been there for long
    read, take = list[date](), FolderArrival.take
    monkeypatch.setattr(FolderArrival, "take", lambda arrival: (read.append(arrival.record.data_date), take(arrival))[1])
    p = found(address)
    deliver(address, D1, B, damaged=True)
    deliver(address, D2, A)
    for _ in range(2):
        ingest_all(p)
    shutil.copytree(folder_of(address, D1), folder_of(address, D1, 2))  # as damaged, so nothing of it lands
    for _ in range(3):
        assert ingest_all(p)["nothing_to_do"]
    assert sorted(read) == [D1, D1, D2]
    mend(folder_of(address, D1), B)
    assert (ingest_all(p)["published"], read[3:]) == (1, [D1])
    assert_whole(p)


def test_a_correction_with_the_original_s_delivery_time_replaces_it(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    ingest_all(p)
    deliver(address, D1, B)
    assert (ingest_all(p)["published"], clean_rows(p)) == (1, {D1: B})
    assert_whole(p)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_delivery_older_than_what_main_holds_is_on_record_and_told_once(address: Address, *, at_once: bool) -> None:
    p = found(address)
    deliver(address, D1, B, later=2)
    if not at_once:
        ingest_all(p)
    deliver(address, D1, A, later=1)
    ingest_all(p)
    ingest_all(p)
    assert clean_rows(p) == {D1: B}
    (cause,) = causes(p)
    assert "is older than what main holds" in cause
    assert [one.refusal.code for one, _ in read_ledger(p.lake, "toy").refused.values()] == ["superseded"]
    assert ingest_all(p)["nothing_to_do"]
    assert len(bytes_of(p, D1)) == 2
    assert_whole(p)


def test_one_bad_manifest_is_refused_with_its_bytes_kept_and_stops_nobody(address: Address) -> None:
    p = found(address)
    for day in (D1, D2):
        deliver(address, day, A)
    (folder_of(address, D1) / "manifest.json").write_text("{")
    done = ingest_all(p)
    assert (done["published"], done["refused"], clean_rows(p)) == (1, 1, {D2: A})
    assert "manifest.json is not a manifest" in done["refusals"][0]
    assert bytes_of(p, D1) == [(folder_of(address, D1) / "readings.csv").read_bytes()]
    assert len(causes(p)) == 1
    assert ingest_all(p)["nothing_to_do"]
    deliver(address, D1, B)
    ingest_all(p)
    assert clean_rows(p) == {D1: B, D2: A}
    assert_whole(p)


class OneAtATime:
    """A source whose deliveries tell when two of them are in memory together."""

    def __init__(self, p: Platform, lake: LakeFSLake, patience: float) -> None:
        self._source, self._lake, self._patience, self.together = p.source, lake, patience, 0
        self._inside, self._meeting = set[date](), threading.Barrier(2)

    def walk(self, case: UseCase) -> Feed:
        found = self._source.walk(case)
        for arrival in found.arrivals:
            arrival.take = partial(self._taken, arrival, arrival.take)  # type: ignore[method-assign]
        return found

    def put(self, branch: str, path: str, content: bytes) -> None:
        self._lake.put(branch, path, content)
        if path.endswith("manifest.json"):  # the last of a delivery
            self._inside.remove(date.fromisoformat(path.split("/")[3]))

    def _taken(self, arrival: Arrival, take: Callable[[], Taken]) -> Taken:
        self._inside.add(arrival.record.data_date)
        with contextlib.suppress(threading.BrokenBarrierError):
            self._meeting.wait(self._patience)  # whoever may come in beside it is here by then
        self.together = max(self.together, len(self._inside))
        return take()


@pytest.mark.parametrize(("room", "together", "patience"), [(1, 1, 0.3), (1 << 20, 2, 60)])
def test_deliveries_are_held_in_memory_together_only_as_far_as_there_is_room(
    address: Address, monkeypatch: pytest.MonkeyPatch, room: int, together: int, patience: float
) -> None:
    p = found(address)
    for day in (D1, D2):
        deliver(address, day, A)
    lake = LakeFSLake(address.endpoint, address.key, address.secret, address.repository)
    source = OneAtATime(p, lake, patience)
    monkeypatch.setattr(landing, "_IN_MEMORY", room)
    monkeypatch.setattr(p.lake, "put", source.put)
    ingest_all(replace(p, source=source))
    assert (source.together, clean_rows(p)) == (together, {D1: A, D2: A})


def test_a_folder_that_belongs_to_no_table_and_date_is_told_once(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    feed = address.folder / "feed"
    for place in (f"toy/readings/{D2}", "toy/readings/tomorrow/1", f"tyo/readings/{D2}/1"):
        shutil.copytree(folder_of(address, D1), feed / place)
    ingest_all(p)
    ingest_all(p)
    (cause,) = causes(p)
    for words in ("tomorrow is no data date", "its manifest stands 2 folders below toy", "no case tyo, there is toy; is it toy?"):
        assert words in cause
    assert clean_rows(p) == {D1: A}


def test_a_data_file_that_stands_deeper_lands_where_it_stood(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    deliver(address, D2, B)
    (folder_of(address, D1) / "sub").mkdir()
    (folder_of(address, D1) / "sub" / "b.csv").write_bytes(b"id,value\n9,9.0\n")
    done = ingest_all(p)
    assert (done["refused"], clean_rows(p)) == (1, {D2: B})
    assert "sub/b.csv stands beside its manifest and not in it" in done["refusals"][0]
    assert bytes_of(p, D1) == [(folder_of(address, D1) / name).read_bytes() for name in ("readings.csv", "sub/b.csv")]
    assert_whole(p)


NO_TABLES = ["nothing", "readings/../..", "readings'; DROP TABLE x", "{{ ds }}", "\u202egnidaer", "READINGS"]


@pytest.mark.parametrize("table", NO_TABLES)
def test_a_table_that_the_case_has_not_takes_nothing_in(address: Address, table: str) -> None:
    deliver(address, D1, {1: 1.0, 2: 2.0})
    p = found(address)
    head = p.lake.head("main")
    with pytest.raises(InvalidInput, match=r"toy has no table .*; it has readings.*; nothing was taken in"):
        ingest_all(p, table=table)
    assert p.lake.head("main") == head


def test_a_reason_to_try_again_is_kept_as_it_came(address: Address) -> None:
    deliver(address, D1, {1: 1.0})
    p = found(address)
    ingest_all(p)
    ingest_all(p, attempt=2, date_from=D1, date_to=D1, retry_refused=REASON)
    ((record, _),) = read_ledger(p.lake, "toy").refused.values()
    assert record.retried == f"airflow: {REASON}"
    assert any(REASON in cause for cause in causes(p))
    assert_whole(p)


def test_what_a_link_points_to_does_not_reach_the_lake(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    deliver(address, D2, B)
    (address.folder / "secret").write_text("of another")
    file = folder_of(address, D1) / "readings.csv"
    file.unlink()
    file.symlink_to(address.folder / "secret")
    assert ingest_all(p)["refused"] == 1
    assert (bytes_of(p, D1), clean_rows(p)) == ([], {D2: B})


def test_a_folder_that_is_a_link_is_refused_though_no_byte_of_it_may_be_kept(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    folder = folder_of(address, D1)
    folder.rename(address.folder / "elsewhere")
    folder.symlink_to(address.folder / "elsewhere")
    assert ingest_all(p)["refused"] == 1
    assert list(p.lake.list("main", "landing/")) == []
    assert_whole(p)


def test_whatever_a_file_is_called_its_bytes_are_kept(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    folder = folder_of(address, D1)
    (folder / "manifest.json").write_text("{")
    (folder / "readings.csv").rename(folder / "readings of +1% é?.csv")
    assert ingest_all(p)["refused"] == 1
    assert len(bytes_of(p, D1)) == 1
    assert_whole(p)


def test_a_refused_delivery_is_tried_again_when_a_person_says_so(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    p = found(address)
    for day in (D1, D2):
        deliver(address, day, {1: 1.0})
    ingest_all(p)
    asked = {"retry_refused": "the suite asked too much", "date_from": D1, "date_to": D1, "actor": "ann"}
    again = ingest_all(p, 2, **asked)  # refused again, as a piece of work of its own
    assert "when it was tried again (ann: the suite asked too much): a reason overrides no check" in again["refusals"][0]
    monkeypatch.setattr(delta_runner, "FEWEST", 1)
    assert ingest_all(p, 3)["nothing_to_do"]
    done = ingest_all(p, 4, **asked)
    assert (done["published"], clean_rows(p)) == (1, {D1: {1: 1.0}})
    receipt = receipt_on(p.lake, "main", done["run_key"])
    assert isinstance(receipt, DataReceipt)
    assert receipt.published[0].retried == "ann: the suite asked too much"
    assert_accounted(p)
    assert_whole(p)


def test_a_reinstatement_keeps_who_and_why_on_the_receipt_and_to_its_nights(address: Address) -> None:
    p = crowned(address, D1, A)
    for day in (D2, D3):
        deliver(address, day, {1: FAULT, 2: 1.0})
    for _ in range(2):
        ingest_all(p)
        score_all(p)
        watch_all(p)
    assert clean_rows(p) == {D1: A}
    done = ingest_all(p, reinstate=REASON, date_from=D2, date_to=D2, actor="ann")
    assert set(clean_rows(p)) == {D1, D2}
    receipt = receipt_on(p.lake, "main", done["run_key"])
    assert isinstance(receipt, DataReceipt)
    assert receipt.published[0].reinstated == f"ann: {REASON}"
    owner = read_ledger(p.lake, "toy").owner(UnitId("readings", D2))
    assert owner is not None
    assert owner.record.reinstated
    assert_whole(p)


def test_only_what_is_new_lands_when_deliveries_of_one_unit_come_together(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    ingest_all(p)
    for hour, rows in ((1, C), (2, A), (2, A)):
        deliver(address, D1, rows, later=hour)
    ingest_all(p)
    assert clean_rows(p) == {D1: A}
    assert [one.delivery for one in read_ledger(p.lake, "toy").landed[UnitId("readings", D1)]] == [1, 2, 3]
    assert_whole(p)


def test_a_delivery_from_the_future_is_refused_and_outranks_nobody(address: Address) -> None:
    p = found(address)
    deliver(address, D1, B, later=175 * 365 * 24)
    assert "still to come" in ingest_all(p)["refusals"][0]
    deliver(address, D1, A)
    assert (ingest_all(p)["published"], clean_rows(p)) == (1, {D1: A})
    clock = read_ledger(p.lake, "toy").business_time()
    assert clock is not None
    assert clock.date() < D1
    assert_whole(p)
