"""What the audit refuses: recorded though nothing else is published, its rows kept and accounted for where they are."""

from datetime import timedelta

import pytest

from lakeloop.core.errors import GateViolation
from lakeloop.core.jobs import AnyJob, WriteJob
from lakeloop.core.lake import UnitId, evidence_path
from lakeloop.core.receipts import RefusalReceipt
from lakeloop.core.reports import Report
from lakeloop.core.withdrawal import Condemned
from lakeloop.steps import ingest, ingest_publish, withdraw
from lakeloop.steps.history import read_ledger, receipt_on
from tests.protocol.delta_runner import ODD, QUARANTINE, DeltaRunner
from tests.protocol.world import (
    DAY_ONE,
    Address,
    alerts,
    assert_accounted,
    assert_whole,
    clean_rows,
    deliver,
    found,
    ingest_all,
    ingest_to_audit,
    quarantined,
    run,
)

D1, D2, D3 = (DAY_ONE + timedelta(days=n) for n in range(3))
A, B = {1: 1.0, 2: 2.0}, {1: 10.0, 2: 20.0, 3: 30.0}
TOO_FEW = {1: 1.0}  # the toy audit wants more than one row
REFUSED = ["refused:audit"]


def test_a_run_in_which_every_unit_fails_its_audit_is_refused_and_not_tried_again(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    ingest_all(p)
    deliver(address, D2, TOO_FEW)
    done = ingest_all(p)
    assert (done["published"], done["refused"], clean_rows(p)) == (0, 1, {D1: A})
    assert isinstance(receipt_on(p.lake, "main", done["run_key"]), RefusalReceipt)
    assert [alert.title for alert in p.outbox.all()] == ["toy: 1 delivery refused"]  # type: ignore[attr-defined]
    assert ingest_all(p, 2)["nothing_to_do"]
    assert list(p.lake.branches("run-toy-ingest")) == []
    assert p.lake.get("main", evidence_path(done["run_key"], "audit.json")) == b"{}", "its page outlives its branch"
    assert_accounted(p)
    assert_whole(p)


def test_the_first_delivery_ever_can_be_refused(address: Address) -> None:
    p = found(address)
    deliver(address, D1, TOO_FEW)
    done = ingest_all(p)
    assert (done["refused"], clean_rows(p), quarantined(p)) == (1, {}, [(D1, "1,1.0", REFUSED)])
    deliver(address, D1, A, later=1)
    ingest_all(p)
    assert clean_rows(p) == {D1: A}
    assert_accounted(p)
    assert_whole(p)


def test_rows_of_a_unit_that_fails_its_audit_are_in_quarantine_and_the_receipt_says_so(address: Address) -> None:
    p = found(address)
    deliver(address, D1, TOO_FEW)
    deliver(address, D2, B)
    done = ingest_all(p)
    receipt = receipt_on(p.lake, "main", done["run_key"])
    account = receipt.refused[0].account  # type: ignore[union-attr]
    assert account is not None
    assert (account.rows_in, account.published, account.by_first_reason) == (1, 0, {"refused:audit": 1})
    assert (clean_rows(p), quarantined(p)) == ({D2: B}, [(D1, "1,1.0", REFUSED)])
    assert_accounted(p)
    assert_whole(p)


def test_rows_that_were_in_quarantine_before_the_refusal_come_to_main_as_they_were_written_last_alone(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.protocol.delta_runner.LOWEST", 0.0)
    p = found(address)
    deliver(address, D1, TOO_FEW | {2: -2.0})
    deliver(address, D2, A | {3: -3.0})
    ingest_all(p)
    low = ["range:value"]
    assert quarantined(p) == [(D1, "1,1.0", REFUSED), (D1, "2,-2.0", REFUSED), (D2, "3,-3.0", low)]
    parts = [path.split("/")[3] for path in p.lake.list("main", f"{QUARANTINE}/") if path.endswith(".parquet")]
    assert sorted(parts) == [f"data_date={D1}", f"data_date={D2}"], "or a file of the first write came with them"
    assert_accounted(p)
    assert_whole(p)


def test_a_refused_restatement_leaves_the_rows_it_would_have_replaced(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    ingest_all(p)
    deliver(address, D1, TOO_FEW, later=1)
    deliver(address, D2, B)
    ingest_all(p)
    assert clean_rows(p) == {D1: A, D2: B}
    assert_accounted(p)
    assert_whole(p)


def test_a_write_that_would_let_refused_rows_pass_is_stopped(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    p = found(address)
    deliver(address, D1, TOO_FEW)
    deliver(address, D2, B)
    written, guarded = ingest.write(p, run("ingest"), ingest.intake(p, run("ingest"))), DeltaRunner.run

    def unguarded(runner: DeltaRunner, job: AnyJob) -> Report:
        units = tuple(unit.model_copy(update={"refused": ""}) for unit in job.units) if isinstance(job, WriteJob) else ()
        return guarded(runner, job.model_copy(update={"units": units}) if units else job)

    monkeypatch.setattr(DeltaRunner, "run", unguarded)
    with pytest.raises(GateViolation, match=r"2024-01-01 was refused \(audit\), yet 1 row of it passed for good"):
        ingest_publish.audit(p, run("ingest"), written)
    assert clean_rows(p) == {}


@pytest.mark.parametrize("also", [{}, {D3: B}])
def test_a_withdrawal_in_the_refused_units_table_does_not_stop_the_refusal(
    address: Address, also: dict[object, dict[int, float]]
) -> None:
    p = found(address)
    deliver(address, D1, A)
    ingest_all(p)
    deliver(address, D2, TOO_FEW)
    for day, rows in also.items():
        deliver(address, day, rows)  # type: ignore[arg-type]
    audited = ingest_to_audit(p)
    owner = read_ledger(p.lake, "toy").owner(UnitId("readings", D1))
    assert owner is not None
    withdraw.withdraw(p, run("watch"), [Condemned(owner.record.unit, owner.run_key, "test")], [], {})
    done = ingest_publish.publish_units(p, run("ingest"), audited)
    assert (done["refused"], clean_rows(p)) == (1, also)
    assert_accounted(p)
    assert_whole(p)


def test_what_the_audit_only_warns_of_is_published_and_marked(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A | {7: ODD})
    deliver(address, D2, B)
    done = ingest_all(p)
    receipt = receipt_on(p.lake, "main", done["run_key"])
    marks = {one.data_date: one.warnings for one in receipt.published}  # type: ignore[union-attr]
    assert (done["published"], marks) == (2, {D1: (f"{ODD} is odd",), D2: ()})
    assert "2 units published, 0 refused, 1 with warnings" in done["summary"]
    (alert,) = alerts(p)
    assert (alert.title, alert.severity) == ("toy: 1 delivery published with warnings", "warning")
    assert f"{ODD} is odd" in alert.body["cause"]
    assert_whole(p)
