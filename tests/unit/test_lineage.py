"""Lineage from receipts alone: both ways, across restatements and withdrawals."""

from datetime import UTC, date, datetime

from lakeloop.core.ledger import Entry, Ledger, fold
from lakeloop.core.lineage import of_commit, of_table
from lakeloop.core.receipts import (
    ActReceipt,
    AnyReceipt,
    DataReceipt,
    JudgedRecord,
    PromotionReceipt,
    PublishedRecord,
    WithdrawalReceipt,
    WithdrawnRecord,
)
from lakeloop.core.reports import Fingerprint, RowAccount
from lakeloop.core.table_versions import TableVersion, made_by

DAY, NEXT = date(2024, 3, 1), date(2024, 3, 2)
SENT = datetime(2024, 2, 29, 20, tzinfo=UTC)
PRINT = Fingerprint(rows=3, hash="0" * 32)


def about(key: str) -> dict[str, object]:
    return {
        "run_key": key, "case": "shops", "stage": "x", "base_commit": "base", "audited_commit": "a", "gate_version": "g",
        "code_version": "c", "actor": "airflow", "run_id": f"run {key}", "created_at": SENT,
    }  # fmt: skip


def data(key: str, *days: date, delivery: int = 1) -> DataReceipt:
    published = tuple(
        PublishedRecord(
            table="sales", data_date=day, delivery=delivery, sha256="5" * 64, delivered_at=SENT, available_at=SENT,
            account=RowAccount(rows_in=4, published=3, quarantined=1, by_first_reason={"missing:shop": 1}), fingerprint=PRINT,
        )
        for day in days
    )  # fmt: skip
    return DataReceipt(**about(key), contract_version="sales1", published=published)  # type: ignore[arg-type]


def act(key: str, reads: str) -> ActReceipt:
    judged = JudgedRecord(data_date=NEXT, verdict="ok", trust="trusted", fingerprint=PRINT, reads={"sales": {reads: [DAY]}})
    return ActReceipt(
        **about(key), candidate="candidate", candidate_branch="b", candidate_commit="cc", model_version=2, judged=(judged,)
    )  # type: ignore[arg-type]  # fmt: skip


def promotion(key: str, reads: str) -> PromotionReceipt:
    return PromotionReceipt(
        **about(key), seq=1, model_name="shops", model_version=2, model_sha256="0" * 64, data_commit="d", metrics={}, gates=(),
        reads={"sales": {reads: [DAY, NEXT]}},
    )  # type: ignore[arg-type]  # fmt: skip


def withdrawal(key: str, condemned: str) -> WithdrawalReceipt:
    gone = WithdrawnRecord(
        table="sales", data_date=DAY, delivery=1, sha256="5" * 64, condemned=condemned, condemned_commit="c", words="in francs"
    )
    return WithdrawalReceipt(**about(key), withdrawn=(gone,))  # type: ignore[arg-type]


def ledger(*receipts: AnyReceipt) -> Ledger:
    return fold("head", "shops", [Entry(f"m-{one.run_key}", "parent", one) for one in receipts])


def test_a_table_s_dates_lead_to_their_delivery_and_to_all_that_read_them() -> None:
    links = of_table(ledger(data("one", DAY), act("two", "one"), promotion("three", "one")), "shops", "sales", DAY, DAY)
    assert [(link.way, link.what, link.run_key) for link in links] == [
        ("from", "landing/shops/sales/2024-03-01/1-555555555555/", "one"),
        ("to", "scores/shops", "two"),
        ("to", "model shops/2", "three"),
    ]
    assert links[2].dates == (DAY,)
    assert "what main holds" in links[0].words


def test_versions_that_were_restated_or_withdrawn_stay_in_the_lineage_and_say_so() -> None:
    told = of_table(ledger(data("one", DAY), data("two", DAY, delivery=2), act("act", "one")), "shops", "sales", DAY, DAY)
    assert [("replaced" in link.words, link.run_key) for link in told if link.way == "from"] == [(True, "one"), (False, "two")]
    assert [link.run_key for link in told if link.way == "to"] == ["act"]
    gone = of_table(ledger(data("one", DAY), withdrawal("back", "one")), "shops", "sales", DAY, DAY)
    assert [(link.run_key, link.words) for link in gone if link.way == "to"] == [("back", "withdrawn: in francs")]


def test_dates_outside_the_question_and_other_tables_are_left_out() -> None:
    held = ledger(data("one", DAY, NEXT), act("two", "one"))
    assert of_table(held, "shops", "sales", NEXT, NEXT)[0].dates == (NEXT,)
    assert not [link for link in of_table(held, "shops", "sales", NEXT, NEXT) if link.way == "to"]
    assert of_table(held, "shops", "others", DAY, NEXT) == []


def test_scores_lead_to_what_they_read() -> None:
    links = of_table(ledger(data("one", DAY), act("two", "one")), "shops", "scores", NEXT, NEXT)
    assert [(link.way, link.what, link.commit) for link in links] == [
        ("from", "clean/shops/sales", "m-one"), ("to", "readers of main", "m-two"),
    ]  # fmt: skip


def test_a_commit_is_found_by_its_first_digits() -> None:
    held = ledger(data("one", DAY), act("two", "one"))
    assert {link.run_key for link in of_commit(held, "m-one")} == {"one", "two"}
    assert [(link.way, link.what, link.commit) for link in of_commit(held, "m-two")] == [
        ("from", "scores/shops", "cc"), ("to", "scores/shops", "m-two"),
    ]  # fmt: skip


def test_what_a_data_receipt_made_is_counted_table_by_table() -> None:
    made = made_by(data("one", DAY, NEXT), "m")
    assert made.inputs == (TableVersion("landing/shops/sales", "base", (DAY, NEXT), 8),)
    assert made.outputs == (
        TableVersion("clean/shops/sales", "m", (DAY, NEXT), 6),
        TableVersion("quarantine/shops/sales", "m", (DAY, NEXT), 2),
    )
