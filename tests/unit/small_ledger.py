"""Receipts of a small case, and the ledger they fold into."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.ledger import Entry, Ledger, fold
from lakeloop.core.receipts import (
    AnyReceipt,
    BackdatedRecord,
    BackdatingReceipt,
    DataReceipt,
    IntakeReceipt,
    LandedRecord,
    PublishedRecord,
    RefusalReceipt,
    RefusedRecord,
    WithdrawalReceipt,
    WithdrawnRecord,
)
from lakeloop.core.reports import Fingerprint, Refusal, RowAccount
from lakeloop.core.runs import Run
from lakeloop.core.use_case import Label, UseCase

DAY, OTHER_DAY = date(2024, 1, 1), date(2024, 1, 2)
COLUMNS = (Column(name="id", type="int", required=True),)
CASE = UseCase(
    name="toy",
    tables=(
        TableContract(name="inputs", columns=COLUMNS, key=("id",)),
        TableContract(name="places", columns=COLUMNS, key=("id",), kind="reference"),
    ),
    features="toy:features", feature_names=("id",), entity=("id",), reads=(), label=Label(table="inputs", expression="1"),
)  # fmt: skip
VERSION = CASE.contract_version()
SWEEP = Run(case="toy:CASE", stage="ingest", run_id="r", actor="ann")


def asked(day: date = DAY, **reasons: str) -> Run:
    return SWEEP.model_copy(update={"date_from": day, "date_to": day, **reasons})


def said(run_key: str) -> dict[str, Any]:
    return {
        "run_key": run_key, "case": "toy", "stage": "x", "base_commit": "b", "audited_commit": "a", "gate_version": "g",
        "code_version": "c", "actor": "t", "run_id": "r", "created_at": datetime(2024, 1, 1, tzinfo=UTC),
    }  # fmt: skip


def landed(number: int = 1, sha: str = "a", hour: int = 0, table: str = "inputs", **more: Any) -> LandedRecord:
    more = {"rows": 2, **more}
    when = datetime(2023, 12, 31, 20, tzinfo=UTC) + timedelta(hours=hour)
    return LandedRecord(
        table=table, data_date=DAY, delivery=number, sha256=sha * 64, files=("f",), source="s", delivered_at=when, **more
    )


def names(record: LandedRecord) -> dict[str, Any]:
    return record.model_dump(include={"table", "data_date", "delivery", "sha256"})


def intake(key: str, *records: LandedRecord) -> IntakeReceipt:
    return IntakeReceipt(**said(key), landed=records)


def data(key: str, record: LandedRecord, version: str = VERSION, quarantined: int = 0, replayed: str = "") -> DataReceipt:
    bad = {"missing:id": quarantined} if quarantined else {}
    account = RowAccount(rows_in=2, published=2 - quarantined, quarantined=quarantined, by_first_reason=bad)
    one = PublishedRecord(
        **names(record), account=account, fingerprint=Fingerprint(rows=2, hash="0"),
        delivered_at=record.delivered_at, available_at=record.delivered_at, replayed=replayed,
    )  # fmt: skip
    return DataReceipt(**said(key), contract_version=version, published=(one,))


def refusal(key: str, record: LandedRecord, code: str = "audit", version: str = VERSION, replayed: str = "") -> RefusalReceipt:
    refused = RefusedRecord(**names(record), refusal=Refusal(code=code, message="m"), replayed=replayed)
    return RefusalReceipt(**said(key), contract_version=version, refused=(refused,))


def withdrawal(key: str, record: LandedRecord, condemned: str) -> WithdrawalReceipt:
    gone = WithdrawnRecord(**names(record), condemned=condemned, condemned_commit="m")
    return WithdrawalReceipt(**said(key), withdrawn=(gone,))


def backdating(key: str, record: LandedRecord, owner: str, first: LandedRecord) -> BackdatingReceipt:
    one = BackdatedRecord(
        **names(record), owner=owner, available_at=first.delivered_at, fingerprint=Fingerprint(rows=2, hash="1")
    )  # fmt: skip
    return BackdatingReceipt(**said(key), backdated=(one,))


def after(*receipts: AnyReceipt) -> Ledger:
    return fold("head", "toy", [Entry(f"m{n + 1}", f"m{n}", receipt) for n, receipt in enumerate(receipts)])
