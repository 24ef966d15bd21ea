"""What a merge has to attest: each way of not doing so is found."""

from datetime import UTC, datetime

import pytest

from lakeloop.core.attestation import MergeFacts, metadata, violations
from lakeloop.core.lake import opened_at, run_branch
from lakeloop.core.receipts import IntakeReceipt
from lakeloop.core.runs import Run, SessionKey

KEY = "a" * 64
RECEIPT = IntakeReceipt(
    run_key=KEY, case="toy", stage="ingest", base_commit="b", audited_commit="audited", gate_version="g", code_version="c",
    actor="t", run_id="r", created_at=datetime(2024, 1, 1, tzinfo=UTC), landed=(),
)  # fmt: skip
OWN = f"_lakeloop/receipts/{KEY}.json"
GOOD = MergeFacts("m", ("main", "source"), metadata(RECEIPT, "main", 1), RECEIPT, False, (OWN,), (OWN, "landing/toy/x"))


def test_a_merge_that_attests_has_nothing_wrong() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (GOOD._replace(parents=("main",)), "not a merge"),
        (GOOD._replace(receipt=None), "no receipt"),
        (GOOD._replace(receipt_was_there=True), "was on main before"),
        (GOOD._replace(parents=("other", "source")), "expected_head"),
        (GOOD._replace(metadata={**GOOD.metadata, "lakeloop_audited_commit": "x"}), "another commit"),
        (GOOD._replace(metadata={**GOOD.metadata, "lakeloop_run_key": "x"}), "other work"),
        (GOOD._replace(after_audit=(OWN, "landing/toy/y")), "changed after its audit: landing/toy/y"),
        (GOOD._replace(changed=(OWN, "clean/toy/x")), "kind intake may not change clean/toy/x"),
        (GOOD._replace(changed=(OWN, "landing/other/x")), "may not change landing/other/x"),
    ],
)
def test_each_way_of_not_attesting_is_named(broken: MergeFacts, words: str) -> None:
    assert any(words in wrong for wrong in violations(broken))


def test_a_session_is_found_again_by_its_try_and_by_no_other() -> None:
    key = SessionKey(installation="i", database="d", dag="dag", run="r", task="t", attempt=3)
    assert key.id == SessionKey(installation="i", database="d", dag="dag", run="r", task="t", attempt=3).id
    assert [one.attempt for one in key.earlier()] == [1, 2]
    assert len({key.id, *(one.id for one in key.earlier())}) == 3


def test_a_range_is_whole_or_refused() -> None:
    with pytest.raises(ValueError, match="come together"):
        Run(case="c", stage="ingest", run_id="r", date_from=datetime(2024, 1, 1, tzinfo=UTC).date())


def test_a_run_branch_says_when_it_was_opened_however_long_its_run_is_called() -> None:
    opened = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
    name = run_branch("flights", "ingest", "manual__2026-11-23T01:02:03+00:00 " + "x" * 200, 12, opened)
    assert len(name) == 80
    assert name.startswith("run-flights-ingest-manual-2026-11-23t01-02-03-00-00-xx")
    assert "-t12-" in name
    assert opened_at(name) == opened
    assert opened_at(f"{name}-r0123abcd-101112131415") == opened
    assert opened_at("run-flights-ingest-x-t1-abc") is None
    assert name != run_branch("flights", "ingest", "manual__2026-11-23T01:02:03+00:00 " + "x" * 200, 12, opened)
