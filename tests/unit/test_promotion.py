"""The line of champions, what speaks against a promotion, and where the aliases belong: without any server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakeloop.core.aliases import Difference, became, challenger_of, differences, faults, gates_of, state_of, wanted_aliases
from lakeloop.core.errors import PreconditionFailed, PromotionRefused
from lakeloop.core.gates import GateResult
from lakeloop.core.lake import UnitId
from lakeloop.core.ledger import Ledger
from lakeloop.core.promotion import check
from lakeloop.core.receipts import RECEIPT, PromotionReceipt
from lakeloop.core.withdrawal import Condemned, cascade_of
from tests.unit.small_ledger import DAY, after, data, landed, said, withdrawal

PASSED = GateResult(name="g", outcome="pass", words="fine")
SHA = {version: str(version) * 64 for version in range(1, 10)}


def promotion(seq: int, version: int, **more: Any) -> PromotionReceipt:
    when = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=seq)
    fields: dict[str, Any] = {"gates": (PASSED,), "reads": {}, "metrics": {}, "data_commit": "d", **more}
    return PromotionReceipt(
        **{**said(f"p{seq}"), "created_at": when}, seq=seq, model_name="toy", model_version=version, model_sha256=SHA[version],
        **fields,
    )  # fmt: skip


def tags(version: int, **more: str) -> dict[str, str]:
    return {"sha256": SHA[version], "gates": "passed", **more}


def standing(ledger: Ledger) -> tuple[int | None, int | None]:
    champion, previous = ledger.champion, ledger.previous
    return champion.model_version if champion else None, previous.model_version if previous else None


def test_the_champion_is_the_newest_promotion_and_the_one_before_it_is_previous() -> None:
    assert standing(after()) == (None, None)
    assert standing(after(promotion(1, 1))) == (1, None)
    assert standing(after(promotion(1, 1), promotion(2, 2), promotion(3, 4))) == (4, 2)


def test_a_rollback_takes_what_it_went_back_over_off_the_line() -> None:
    three = [promotion(1, 1), promotion(2, 2), promotion(3, 3)]
    back = promotion(4, 2, action="rollback", previous=3)
    assert standing(after(*three, back)) == (2, 1)
    assert standing(after(*three, back, promotion(5, 1, action="rollback"))) == (1, None)
    assert standing(after(*three, back, promotion(5, 3))) == (3, 2)
    assert after(*three, back).promotion_of(3) == three[2]


def test_a_receipt_of_before_gates_were_records_is_still_read() -> None:
    old = promotion(1, 1).model_dump(mode="json", exclude={"action", "previous", "reason", "approved_by", "approved_why"})
    read = RECEIPT.validate_python({**old, "gates": ["auc 0.7 against 0.6"]})
    assert isinstance(read, PromotionReceipt)
    assert (read.action, read.gates[0].outcome, read.gates[0].words) == ("promote", "pass", "auc 0.7 against 0.6")


def test_the_second_of_two_promoters_is_told_which_version_won() -> None:
    late = promotion(2, 3, previous=1)
    with pytest.raises(PreconditionFailed, match="version 2 became champion first .*version 3 was compared with version 1"):
        check(after(promotion(1, 1), promotion(2, 2)), late)
    check(after(promotion(1, 1)), late)


@pytest.mark.parametrize("gates", [(), (PASSED, GateResult(name="h", outcome="fail", words="worse than chance"))])
def test_no_gate_and_a_failed_gate_refuse_alike(gates: tuple[GateResult, ...]) -> None:
    with pytest.raises(PromotionRefused, match="no gate|worse than chance"):
        check(after(), promotion(1, 1, gates=gates))
    check(after(), promotion(1, 1, gates=(PASSED, GateResult(name="h", outcome="warn", words="perhaps"))))


def test_what_it_learnt_from_must_be_what_main_holds() -> None:
    record = landed()
    published, gone = data("d", record), withdrawal("w", record, "d")
    learnt = promotion(1, 1, reads={"inputs": {"d": [DAY]}})
    check(after(published), learnt)
    with pytest.raises(PreconditionFailed, match="version 1 learnt from inputs 2024-01-01, which was withdrawn"):
        check(after(published, gone), learnt)


def test_a_rollback_to_a_version_that_learnt_from_withdrawn_data_has_to_be_said() -> None:
    flagging = withdrawal("w", landed(), "d").model_copy(update={"flagged_models": (1,)})
    ledger = after(promotion(1, 1), promotion(2, 2), flagging)
    back = promotion(3, 1, action="rollback", previous=2)
    with pytest.raises(PromotionRefused, match="--despite-withdrawn"):
        check(ledger, back)
    check(ledger, back, despite_withdrawn=True)


def test_a_version_that_came_back_is_flagged_once_by_a_withdrawal() -> None:
    reads = {"reads": {"inputs": {"d": [DAY]}}}
    line = [promotion(1, 1, **reads), promotion(2, 2), promotion(3, 1, action="rollback", **reads)]
    found = cascade_of(after(data("d", landed()), *line), [Condemned(UnitId("inputs", DAY), "d", "bad")], [])
    assert found.flagged == (1,)


def test_the_challenger_is_the_newest_that_nobody_refused_and_that_never_was_champion() -> None:
    ledger = after(promotion(1, 1), promotion(2, 3), promotion(3, 1, action="rollback"))
    registered = {1: tags(1), 2: tags(2), 3: tags(3), 4: tags(4, gates="asks"), 5: tags(5, gates="refused")}
    assert challenger_of(ledger, registered) == 4
    assert challenger_of(ledger, registered | {4: tags(4, gates="asks", approval="rejected")}) == 2
    assert challenger_of(ledger, {6: {"sha256": "x"}}) is None, "its gates never spoke"
    assert challenger_of(after(promotion(1, 7)), registered) is None, "all are older than the champion"


def test_aliases_that_were_moved_deleted_or_made_up_are_differences() -> None:
    ledger, registered = after(promotion(1, 1), promotion(2, 2)), {one: tags(one) for one in (1, 2, 3)}
    wanted = wanted_aliases(ledger, registered)
    assert wanted == {"champion": 2, "previous": 1, "challenger": 3}
    assert differences(wanted, wanted, registered) == []
    found = differences(wanted, {"champion": 3, "challenger": 3, "mine": 1}, registered)
    assert found == [Difference("champion", 3, 2), Difference("previous", None, 1)]
    assert str(found[0]) == "champion was version 3, the ledger says version 2"
    assert differences({}, {"champion": 1}, registered) == [Difference("champion", 1, None)]


def test_a_champion_the_registry_lost_or_has_with_other_bytes_is_a_fault_and_no_alias_points_there() -> None:
    ledger, left = after(promotion(1, 1), promotion(2, 2)), {1: tags(1)}
    assert faults(ledger, left) == [("champion", "version 2, the champion, is not in the registry any more")]
    assert differences(wanted_aliases(ledger, left), {"previous": 1}, left) == []
    (fault,) = faults(ledger, {1: tags(1), 2: tags(2, sha256="f" * 64)})
    assert "promoted as 222222222222 and is registered as ffffffffffff" in fault.words


def test_each_version_has_one_state() -> None:
    ledger = after(promotion(1, 1), promotion(2, 2), promotion(3, 3))
    registered = {one: tags(one) for one in range(1, 10)}
    registered |= {5: tags(5, gates="refused"), 6: tags(6, approval="rejected"), 9: {"sha256": SHA[9]}}
    aliases = wanted_aliases(ledger, registered)
    states = {one: state_of(one, registered[one], ledger, aliases) for one in (1, 2, 3, 4, 5, 6, 8, 9)}
    assert states == {
        1: "retired", 2: "previous", 3: "champion", 4: "superseded", 5: "refused", 6: "rejected", 8: "challenger",
        9: "not judged",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"gates": "asks", "approval": "rejected", "approval_by": "ann", "approval_why": "odd"}, "was rejected by ann: odd"),
        (
            {"gates": "asks", "approval": "lapsed", "approval_why": "no answer within 72 hours"},
            "lapsed: no answer within 72 hours",
        ),
        ({"gates": "asks", "approval": "awaited"}, "waits for an answer"),
        ({"gates": "refused"}, "its gates refused it"),
        ({"gates": "passed"}, "its gates let it pass"),
        ({}, "was never judged"),
    ],
)
def test_what_became_of_a_version_is_told(said: dict[str, str], words: str) -> None:
    assert became({"sha256": SHA[1], **said}) == words


def test_gates_on_a_version_that_nobody_understands_count_as_none() -> None:
    assert gates_of({"gate_results": '[{"name": "g", "outcome": "pass", "words": "fine"}]'}) == (PASSED,)
    assert gates_of({}) == gates_of({"gate_results": "[{]"}) == ()
