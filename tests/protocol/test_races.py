"""Two actors and one lake: every interleaving ends in one history that attests."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.attestation import metadata
from lakeloop.core.errors import (
    AlreadyPublished,
    Frozen,
    GateViolation,
    MergeConflict,
    PreconditionFailed,
    RefusedByHook,
    StaleHead,
    Unavailable,
)
from lakeloop.steps import act, ingest_publish, watch, withdraw
from lakeloop.steps.history import merged_as, receipt_on
from lakeloop.steps.publish import drop_branches
from lakeloop.steps.training.prepare import prepare
from lakeloop.steps.verify import verify
from tests.protocol.delta_runner import FAULT
from tests.protocol.world import (
    DAY_ONE,
    Address,
    assert_whole,
    clean_rows,
    condemned,
    crown,
    crowned,
    deliver,
    found,
    ingest_all,
    ingest_to_audit,
    platform,
    run,
    score_all,
    trusts,
    verdict_rows,
    watch_all,
)

D1, D2, D3, _, D5 = (DAY_ONE + timedelta(days=n) for n in range(5))
A, B, C = {1: 1.0, 2: 2.0}, {1: 10.0, 2: 20.0, 3: 30.0}, {4: 4.0, 5: 5.0}


def test_a_withdrawal_cut_before_and_merged_after_another_publish_keeps_both(
    address: Address, meanwhile: dict[str, object]
) -> None:
    p = found(address)
    for day in (D1, D2):
        deliver(address, day, A)
        ingest_all(p)

    def somebody_publishes() -> None:
        deliver(address, D3, B)
        ingest_all(platform(address))

    meanwhile["withdraw.committed"] = somebody_publishes
    withdraw.withdraw(p, run("watch"), condemned(p, D1), [], {})
    assert clean_rows(p) == {D2: A, D3: B}
    assert_whole(p)


def test_a_late_merge_of_try_one_under_try_two_is_one_publish(address: Address, meanwhile: dict[str, object]) -> None:
    p = found(address)
    deliver(address, D1, A)
    first = ingest_to_audit(p, 1)
    second = ingest_to_audit(p, 2)
    assert first["run_key"] == second["run_key"]
    assert first["branch"] != second["branch"]
    zombie = platform(address)
    zombie_receipt = receipt_on(zombie.lake, first["branch"], first["run_key"])
    assert zombie_receipt is not None

    def zombie_merges() -> None:
        head = zombie.lake.head("main")
        zombie.lake.merge(first["branch"], "main", "zombie", metadata(zombie_receipt, head, 1))

    meanwhile["publish.before_merge"] = zombie_merges
    done = ingest_publish.publish_units(p, run("ingest", 2), second)
    assert done["commit"] == merged_as(p.lake, "toy", first["run_key"])
    assert clean_rows(p) == {D1: A}
    assert_whole(p)


def test_a_zombie_that_merges_after_the_work_is_done_is_refused_by_the_server(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    first, second = ingest_to_audit(p, 1), ingest_to_audit(p, 2)
    receipt = receipt_on(p.lake, first["branch"], first["run_key"])
    assert receipt is not None
    ingest_publish.publish_units(p, run("ingest", 2), second)
    head = p.lake.head("main")
    with pytest.raises(MergeConflict) as clash:
        p.lake.merge(first["branch"], "main", "zombie", metadata(receipt, head, 1))
    assert f"_lakeloop/receipts/{receipt.run_key}.json" in clash.value.paths
    p.lake.create_branch("forged", "main")  # without a conflict the gate itself sees that the work is done
    p.lake.put("forged", "clean/toy/readings/again", b"1")
    p.lake.commit("forged", "again", {})
    with pytest.raises(AlreadyPublished, match="already at the destination"):
        p.lake.merge("forged", "main", "zombie", metadata(receipt, head, 1))
    assert p.lake.head("main") == head


def test_a_restatement_between_an_acts_evaluation_and_its_merge_stops_the_act(
    address: Address, meanwhile: dict[str, object]
) -> None:
    p = crowned(address, D1, A)
    deliver(address, D2, A)
    ingest_all(p)
    score_all(p)
    judged = watch.judge_dates(p, run("watch"))

    def supplier_restates() -> None:
        deliver(address, D2, B, later=1)
        ingest_all(platform(address))

    meanwhile["act.sealed"] = supplier_restates
    with pytest.raises(PreconditionFailed, match="restated or withdrawn"):
        act.act(p, run("watch"), judged)
    assert trusts(p) == {}
    act.act(p, run("watch", 2), judged)  # a retry finds nothing that it may publish
    score_all(p)
    assert watch_all(p)["published"] == 1
    assert (clean_rows(p)[D2], trusts(p)) == (B, {D2: {"trusted"}})
    assert_whole(p)


def test_two_watchers_on_one_candidate_publish_it_once(address: Address, meanwhile: dict[str, object]) -> None:
    p, other = found(address), platform(address)
    deliver(address, D1, A)
    ingest_all(p)
    crown(p)
    deliver(address, D2, A)
    ingest_all(p)
    score_all(p)
    mine, theirs = watch.judge_dates(p, run("watch")), watch.judge_dates(other, run("watch", 2))
    meanwhile["act.sealed"] = lambda: act.act(other, run("watch", 2), theirs)
    act.act(p, run("watch"), mine)
    assert trusts(p) == {D2: {"trusted"}}
    assert verdict_rows(p) == [(str(D2), "ok")]
    assert_whole(p)


def test_scores_published_while_a_withdrawal_is_written_are_recalled_with_it(
    address: Address, meanwhile: dict[str, object]
) -> None:
    p = crowned(address, D1, A)
    deliver(address, D2, A)
    ingest_all(p)
    score_all(p)
    judged = watch.judge_dates(p, run("watch"))
    meanwhile["withdraw.sealed"] = lambda: act.act(platform(address), run("watch", 2), judged)
    withdraw.withdraw(p, run("watch"), condemned(p, D2), [], {})
    assert (clean_rows(p), trusts(p)) == ({D1: A}, {D2: {"recalled"}})
    assert_whole(p)


def test_a_model_flagged_while_its_scores_are_written_publishes_them_as_degraded(
    address: Address, meanwhile: dict[str, object]
) -> None:
    p, other = found(address), platform(address)
    deliver(address, D1, A)
    ingest_all(p)
    crown(p, reads={"readings": {condemned(p, D1)[0].receipt: [D1]}})
    deliver(address, D3, A)  # three days on, with nothing of D1 in what its scores read
    deliver(address, D5, A)
    ingest_all(p)
    score_all(p)
    judged = watch.judge_dates(p, run("watch", date_from=D5, date_to=D5))
    meanwhile["act.sealed"] = lambda: withdraw.withdraw(other, run("watch", 2), condemned(other, D1), [], {})
    act.act(p, run("watch"), judged)
    assert trusts(p) == {D5: {"degraded"}}
    assert_whole(p)


def test_a_stale_expected_head_is_refused_by_the_server(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    old = p.lake.head("main")
    audited = ingest_to_audit(p)
    receipt = receipt_on(p.lake, audited["branch"], audited["run_key"])
    assert receipt is not None
    with pytest.raises(StaleHead, match="stale expected_head"):
        p.lake.merge(audited["branch"], "main", "late", metadata(receipt, old, 1))


def test_a_branch_that_drops_the_gate_is_stopped_by_the_client_and_found_by_verify(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    audited = ingest_to_audit(p)
    lake = p.lake
    assert isinstance(lake, LakeFSLake)
    for prefix in ("_lakefs_actions/", "lua_hooks/"):
        for path in list(lake.list(audited["branch"], prefix)):
            lake.delete(audited["branch"], path)
    lake.commit(audited["branch"], "no gate, no rules", {})
    with pytest.raises(GateViolation, match="nothing was merged"):
        ingest_publish.publish_units(p, run("ingest"), audited)
    assert clean_rows(p) == {}
    lake.merge(audited["branch"], "main", "around the client", {})  # the server has no gate to ask
    findings = [finding.wrong for _, wrong in verify(lake) for finding in wrong]
    assert findings


def test_anything_changed_after_the_audit_is_refused_by_server_and_client(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    audited = ingest_to_audit(p)
    p.lake.put(audited["branch"], "clean/toy/readings/evil", b"1")
    with pytest.raises(GateViolation, match="uncommitted"):
        ingest_publish.publish_units(p, run("ingest"), audited)
    p.lake.commit(audited["branch"], "evil", {})
    with pytest.raises(GateViolation, match="changed after its audit: clean/toy/readings/evil"):
        ingest_publish.publish_units(p, run("ingest"), audited)
    receipt = receipt_on(p.lake, audited["branch"], audited["run_key"])
    assert receipt is not None
    with pytest.raises(RefusedByHook, match="changed after the audit: clean/toy/readings/evil") as refused:
        p.lake.merge(audited["branch"], "main", "evil", metadata(receipt, p.lake.head("main"), 1))
    assert refused.value.run_id


class LosesReplies(LakeFSLake):
    """A client whose merges are done and whose replies never arrive."""

    lost = 0

    def merge(self, source: str, into: str, message: str, metadata: Mapping[str, str]) -> str:
        super().merge(source, into, message, metadata)
        self.lost += 1
        msg = f"merge {source} into {into}: the reply was lost"
        raise Unavailable(msg)


def test_a_reply_lost_after_the_merge_was_done_is_read_and_not_repeated(address: Address) -> None:
    found(address)
    deliver(address, D1, A)
    lake = LosesReplies(address.endpoint, address.key, address.secret, address.repository)
    p = platform(address, lake)
    done = ingest_all(p)
    assert lake.lost == 2  # intake and data, once each
    assert (done["published"], clean_rows(p)) == (1, {D1: A})
    assert_whole(p)


def test_a_publish_onto_a_moved_table_is_replayed_and_onto_other_tables_is_not(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    first = ingest_to_audit(p)
    deliver(address, D2, B)
    ingest_all(p, date_from=D2, date_to=D2)
    done = ingest_publish.publish_units(p, run("ingest"), first)
    replayed = receipt_on(p.lake, "main", done["run_key"])
    assert replayed is not None
    assert replayed.audited_commit != first["commit"]
    assert clean_rows(p) == {D1: A, D2: B}
    deliver(address, D3, C)
    third = ingest_to_audit(p)
    crown(p)  # main moves, the table does not
    done = ingest_publish.publish_units(p, run("ingest"), third)
    merged = receipt_on(p.lake, "main", done["run_key"])
    assert merged is not None
    assert merged.audited_commit == third["commit"]
    assert_whole(p)


def test_frozen_means_that_nothing_is_merged_or_trained(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    p.lease.freeze("an incident")  # type: ignore[attr-defined]
    with pytest.raises(Frozen, match="an incident"):
        ingest_all(p)
    assert clean_rows(p) == {}
    assert "frozen: an incident" in prepare(p, run("train"))["summary"]
    p.lease.unfreeze()  # type: ignore[attr-defined]
    assert "matured days" in prepare(p, run("train"))["summary"]
    ingest_all(p, 2)
    assert clean_rows(p) == {D1: A}


def test_a_fault_and_its_neighbours_in_one_candidate_are_acted_on_in_date_order(address: Address) -> None:
    p = crowned(address, D1, A)
    for day, rows in ((D2, {1: FAULT, 2: 1.0}), (D3, B)):
        deliver(address, day, rows)
    ingest_all(p)
    score_all(p)
    told = watch_all(p)
    assert told["verdicts"] == {str(D2): "data_fault"}  # D3 had read D2
    assert (clean_rows(p), trusts(p)) == ({D1: A, D3: B}, {})
    score_all(p)
    watch_all(p)
    assert trusts(p) == {D3: {"trusted"}}
    assert_whole(p)


def test_dropping_a_branch_with_a_long_name_leaves_those_that_begin_alike(address: Address) -> None:
    p = found(address)
    alike = "run-toy-ingest-" + "x" * 75
    for name in (f"{alike}-t1-aaaa", f"{alike}-t2-bbbb", f"{alike[:80]}-r0123-1"):
        p.lake.create_branch(name, "main")
    drop_branches(p.lake, f"{alike}-t1-aaaa")
    assert [one.name for one in p.lake.branches("run-toy")] == [f"{alike}-t2-bbbb"]
