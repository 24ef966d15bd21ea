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
    RecalledRecord,
    RemovedRecord,
    RetentionReceipt,
    SettledRecord,
    WithdrawalReceipt,
    WithdrawnRecord,
)
from lakeloop.core.reports import Fingerprint, RowAccount
from lakeloop.core.table_versions import Made, TableVersion, made_by

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


def withdrawal(key: str, condemned: str, back_to: str = "", **more: object) -> WithdrawalReceipt:
    gone = WithdrawnRecord(
        table="sales", data_date=DAY, delivery=1, sha256="5" * 64, condemned=condemned, condemned_commit="c", words="in francs",
        back_to=back_to, fingerprint=PRINT if back_to else None,
    )  # fmt: skip
    return WithdrawalReceipt(**about(key), withdrawn=(gone,), **more)  # type: ignore[arg-type]


def settling(key: str, trust: str) -> ActReceipt:
    settled = SettledRecord(data_date=DAY, sources={"sales": "one", "returns": "r"}, words="later tables say so", trust=trust)
    return ActReceipt(
        **about(key), candidate="", candidate_branch="", candidate_commit="", model_version=0, judged=(), settled=(settled,)
    )  # type: ignore[arg-type]  # fmt: skip


def retention(key: str) -> RetentionReceipt:
    paths = {
        "quarantine": "quarantine/shops/sales/",
        "landing": "landing/shops/sales/2024-03-01/1-5/",
        "versions": "scores/shops/",
    }
    removed = tuple(
        RemovedRecord(what=what, path=path, objects=1, size=1, digest="d", because="old") for what, path in paths.items()
    )  # type: ignore[arg-type]  # fmt: skip
    return RetentionReceipt(**about(key), reason="r", removed=removed)  # type: ignore[arg-type]


def versions(receipt: AnyReceipt) -> Made:
    return made_by(receipt, "m", {"one": "m-one"}.get)


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
        ("to", "watch/shops/verdicts", "m-two"), ("to", "watch/shops/profiles", "m-two"),
    ]  # fmt: skip


def test_a_commit_is_found_by_its_first_digits() -> None:
    held = ledger(data("one", DAY), act("two", "one"))
    assert {link.run_key for link in of_commit(held, "m-one")} == {"one", "two"}
    assert [(link.way, link.what, link.commit) for link in of_commit(held, "m-two")] == [
        ("from", "scores/shops", "cc"), ("to", "scores/shops", "m-two"),
        ("to", "watch/shops/profiles", "m-two"), ("to", "watch/shops/verdicts", "m-two"),
    ]  # fmt: skip


def test_what_a_data_receipt_made_is_counted_table_by_table() -> None:
    made = versions(data("one", DAY, NEXT))
    assert made.inputs == (TableVersion("landing/shops/sales", "base", (DAY, NEXT), 8),)
    assert made.outputs == (
        TableVersion("clean/shops/sales", "m", (DAY, NEXT), 6),
        TableVersion("quarantine/shops/sales", "m", (DAY, NEXT), 2),
    )


def test_an_act_makes_a_version_of_the_scores_the_verdicts_and_the_profiles_from_its_candidate() -> None:
    made = versions(act("two", "one"))
    assert made.inputs == (TableVersion("scores/shops", "cc", (NEXT,), 3),)
    assert made.outputs == (
        TableVersion("scores/shops", "m", (NEXT,), 3),
        TableVersion("watch/shops/profiles", "m", (NEXT,)),
        TableVersion("watch/shops/verdicts", "m", (NEXT,)),
    )


def test_a_date_without_scores_has_a_verdict_and_no_profile() -> None:
    receipt = act("two", "one")
    empty = receipt.judged[0].model_copy(update={"fingerprint": Fingerprint(rows=0, hash="0" * 32)})
    made = versions(receipt.model_copy(update={"judged": (empty,)}))
    assert [one.path for one in made.outputs] == ["scores/shops", "watch/shops/verdicts"]


def test_what_settled_a_date_is_what_was_compared_and_only_an_accepted_fault_is_written() -> None:
    compared = (TableVersion("clean/shops/returns", "base", (DAY,)), TableVersion("clean/shops/sales", "base", (DAY,)))
    assert versions(settling("s", trust="")) == Made(compared, ())
    assert versions(settling("s", trust="degraded")) == Made(compared, (TableVersion("watch/shops/verdicts", "m", (DAY,)),))
    links = of_table(ledger(data("one", DAY), settling("s", trust="degraded")), "shops", "sales", DAY, DAY)
    assert [(link.what, link.run_key) for link in links if link.way == "to"] == [("watch/shops/verdicts", "s")]


def test_a_withdrawal_comes_from_the_version_it_goes_back_to_and_from_the_scores_that_it_recalls() -> None:
    recalled = (RecalledRecord(data_date=NEXT, scores="candidate", rows=3),)
    made = versions(withdrawal("back", "two", back_to="one", recalled=recalled))
    assert made.inputs == (
        TableVersion("clean/shops/sales", "m-one", (DAY,), 3),
        TableVersion("scores/shops", "base", (NEXT,), 3),
    )
    assert made.outputs == (
        TableVersion("clean/shops/sales", "m", (DAY,), 3),
        TableVersion("scores/shops", "m", (NEXT,), 3),
        TableVersion("watch/shops/verdicts", "m", (DAY,)),
    )


def test_a_withdrawal_of_the_first_delivery_goes_back_to_nothing() -> None:
    made = versions(withdrawal("back", "one"))
    assert made.inputs == ()
    assert made.outputs[0] == TableVersion("clean/shops/sales", "m", (DAY,), 0)


def test_a_version_that_stands_again_leads_to_the_withdrawal_of_the_one_that_replaced_it() -> None:
    held = ledger(data("one", DAY), data("two", DAY, delivery=2), withdrawal("back", "two", back_to="one"))
    links = [link for link in of_table(held, "shops", "sales", DAY, DAY) if link.way == "to"]
    assert [(link.run_key, link.words.partition(":")[0]) for link in links] == [
        ("back", "stands there again"), ("back", "withdrawn"),
    ]  # fmt: skip
    assert [(link.way, link.what, link.commit) for link in of_commit(held, "m-back")] == [
        ("from", "clean/shops/sales", "m-one"),
        ("to", "clean/shops/sales", "m-back"),
        ("to", "watch/shops/verdicts", "m-back"),
    ]


def test_a_retention_makes_a_version_of_the_quarantine_that_it_shortens_and_of_nothing_else() -> None:
    made = versions(retention("gone"))
    assert made == Made((TableVersion("quarantine/shops/sales", "base"),), (TableVersion("quarantine/shops/sales", "m"),))


def test_a_data_commit_shows_what_it_read_and_wrote_beside_its_deliveries() -> None:
    links = [(link.way, link.what) for link in of_commit(ledger(data("one", DAY)), "m-one")]
    assert links == [
        ("from", "landing/shops/sales/2024-03-01/1-555555555555/"), ("from", "landing/shops/sales"),
        ("to", "clean/shops/sales"), ("to", "quarantine/shops/sales"),
    ]  # fmt: skip
