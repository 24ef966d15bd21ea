"""Promotions on a real lake and a real registry: one wins, its aliases follow, what speaks against one stops it."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.adapters.platform_db.database import Database
from lakeloop.adapters.platform_db.lease import PlatformLease
from lakeloop.core.aliases import GATES
from lakeloop.core.errors import PreconditionFailed, PromotionRefused, RegistryFailed
from lakeloop.core.gate_policy import BeatsChampion, FitsSignature, Fresh, Gate
from lakeloop.core.lake import evidence_path, gates_tag
from lakeloop.steps import withdraw
from lakeloop.steps.gate_record import SAID
from lakeloop.steps.history import read_ledger
from lakeloop.steps.models import promote_version
from lakeloop.steps.platform import Platform
from lakeloop.steps.promotion import promote
from lakeloop.steps.reconcile import reconcile
from lakeloop.steps.training.gate_page import PAGE
from tests.protocol.challengers import approval, booster, challenger
from tests.protocol.promotions import D1, D2, aliases, first, overwrite
from tests.protocol.promotions import p as p  # the fixture
from tests.protocol.world import Address, condemned, deliver, ingest_all, platform, run

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import


def unleased(address: Address) -> Platform:
    """A publisher who thinks that it has the lease: only the server's gate stands between it and another."""
    database = Database(f"sqlite:///{address.folder / 'other.db'}")
    return replace(platform(address), lease=PlatformLease(database, ttl=0.3, patience=30))


def test_a_first_model_never_promotes_itself_and_an_approval_stands_on_the_receipt(p: Platform) -> None:
    gated = challenger(p, 1)
    with pytest.raises(PromotionRefused, match="needs a person's approval .a first model.*the champion is unchanged"):
        promote(p, run("train"), gated)
    with pytest.raises(PromotionRefused, match="has none"):
        promote(p, run("train"), gated, approval(gated) | {"version": 7})  # of another version
    assert aliases(p) == {}
    done = promote(p, run("train"), gated, approval(gated))
    champion = read_ledger(p.lake, "toy").champion
    assert champion is not None
    assert (champion.approved_by, champion.approved_why, champion.previous) == ("ann", "looks right", None)
    assert (done["version"], aliases(p)) == (1, {"champion": 1})
    evidence = p.lake.get("main", evidence_path(champion.run_key, SAID))
    assert hashlib.sha256(evidence).hexdigest() == champion.evaluation
    assert promote(p, run("train", 2), gated)["commit"] == done["commit"], "a retry finds it"


def test_aliases_follow_the_line_of_champions(p: Platform) -> None:
    first(p)
    promote(p, run("train"), challenger(p, 2))
    waiting = challenger(p, 3, "warn")
    assert aliases(p) == {"champion": 2, "previous": 1}
    assert "challenger was nowhere, the ledger says version 3" in reconcile(p.lake, p.registry, p.outbox, p.case)["summary"]
    promote(p, run("train"), waiting, approval(waiting))
    assert aliases(p) == {"champion": 3, "previous": 2}


def test_two_promoters_at_once_one_wins_and_the_other_is_told_which(p: Platform, meanwhile: dict[str, object]) -> None:
    first(p)
    mine, theirs = challenger(p, 2), challenger(p, 3)
    meanwhile["promote.sealed"] = lambda: promote(p, run("train", 2), theirs)
    with pytest.raises(PreconditionFailed, match="version 3 became champion first .*version 2 was compared with version 1"):
        promote(p, run("train"), mine)
    assert (aliases(p), len(read_ledger(p.lake, "toy").promotions)) == ({"champion": 3, "previous": 1}, 2)


def test_two_tries_of_one_promotion_are_one(p: Platform, meanwhile: dict[str, object]) -> None:
    first(p)
    gated = challenger(p, 2)
    meanwhile["promote.sealed"] = lambda: promote(p, run("train", 2), gated)
    assert promote(p, run("train"), gated)["version"] == 2
    assert len(read_ledger(p.lake, "toy").promotions) == 2


def test_a_champion_that_came_between_the_gates_and_the_answer_refuses_the_promotion(p: Platform) -> None:
    first(p)
    asked = challenger(p, 2, "warn")
    promote(p, run("train"), challenger(p, 3))
    with pytest.raises(PreconditionFailed, match="version 3 became champion first"):
        promote(p, run("train"), asked, approval(asked))


def test_a_promotion_is_evaluated_again_when_main_moved_under_it(
    p: Platform, address: Address, meanwhile: dict[str, object]
) -> None:
    first(p)
    gated = challenger(p, 2)

    def a_supplier_delivers() -> None:
        deliver(address, D2 + timedelta(days=1), {1: 1.0, 2: 2.0})
        ingest_all(unleased(address))

    meanwhile["publish.before_merge"] = a_supplier_delivers
    assert promote(p, run("train"), gated)["version"] == 2


def deployed(p: Platform, *gates: Gate, **changes: Any) -> Platform:
    """The same world after a deploy: gates beside the first one, and what else the case states otherwise."""
    return replace(p, case=p.case.model_copy(update={"gates": (p.case.gates[0], *gates), **changes}))


def assert_nothing_moved(p: Platform) -> None:
    assert (aliases(p), len(read_ledger(p.lake, "toy").promotions)) == ({"champion": 1}, 1)


def test_a_version_that_scores_nothing_any_more_since_a_deploy_during_its_question_is_not_promoted(p: Platform) -> None:
    before = deployed(p, BeatsChampion(metric="auc"), FitsSignature())
    first(before)
    asked = challenger(before, 2, "warn")
    after = deployed(before, *before.case.gates[1:], feature_names=("value", "kelvin"))
    with pytest.raises(PromotionRefused, match="version 2: fits_signature: .*kelvin was not learnt; the champion is unchanged"):
        promote(after, run("train"), asked, approval(asked))
    assert_nothing_moved(p)
    page, said = (p.lake.get(gates_tag("toy", 2), evidence_path(asked["run_key"], name)).decode() for name in (PAGE, SAID))
    assert all("kelvin was not learnt" in text for text in (page, said)), "the page that its tag leads to says so as well"
    assert p.registry.version("toy", 2).tags[GATES] == "refused"
    done = promote(replace(before, sites={"lake": "http://lake/"}), run("train"), asked, approval(asked))
    assert done["version"] == 2, "it is the deploy that refused it"
    assert p.registry.version("toy", 2).tags[GATES] == "asks", "a champion is not called refused"
    kept = evidence_path(asked["run_key"], PAGE)
    said_before = f"http://lake/{p.lake.commit_of(gates_tag('toy', 2)).id}/{kept}"
    assert said_before in p.lake.get(done["commit"], kept).decode()


def test_a_case_that_asks_about_every_promotion_since_a_deploy_does_so_of_one_that_was_asked_nothing(p: Platform) -> None:
    first(p)
    gated = challenger(p, 2)
    assert not gated["ask"]
    careful = deployed(p, *p.case.gates[1:], ask="always")
    with pytest.raises(PromotionRefused, match="nobody was asked about: the case has a person asked.*clear the task `gate`"):
        promote(careful, run("train"), gated)
    assert_nothing_moved(p)


def test_a_version_that_grew_old_while_its_question_lapsed_is_not_promoted_when_cleared(p: Platform, address: Address) -> None:
    fresh = deployed(p, BeatsChampion(metric="auc"), Fresh(days=45))
    first(fresh)
    asked = challenger(fresh, 2, "warn")
    deliver(address, D2 + timedelta(days=60), {1: 1.0})
    ingest_all(p)
    with pytest.raises(PromotionRefused, match="version 2: fresh: .* is 2024-01-02, 59 days old, allowed 45; the champion"):
        promote(fresh, run("train"), asked, approval(asked))
    assert_nothing_moved(p)


def test_a_receipt_has_what_the_gates_said_at_the_promotion_and_not_after_the_fit(p: Platform, address: Address) -> None:
    fresh = deployed(p, BeatsChampion(metric="auc"), Fresh(days=45))
    asked = challenger(fresh, 1)
    assert asked["gates"][-1]["words"].endswith("2024-01-02, -1 days old, allowed 45")
    deliver(address, D2 + timedelta(days=5), {1: 1.0})
    ingest_all(p)
    done = promote(fresh, run("train"), asked, approval(asked))
    receipt = read_ledger(p.lake, "toy").champion
    assert receipt is not None
    assert receipt.gates[-1].words.endswith("2024-01-02, 4 days old, allowed 45")
    page, said = (p.lake.get(done["commit"], evidence_path(receipt.run_key, name)).decode() for name in (PAGE, SAID))
    assert receipt.gates[-1].words in page
    assert receipt.gates[-1].words in said


def test_a_gate_that_warns_by_now_of_what_nobody_was_asked_about_refuses_and_names_who_is_to_be_asked(p: Platform) -> None:
    first(p)
    gated = challenger(p, 2)
    assert not gated["ask"]
    stricter = deployed(p, BeatsChampion(name="beats_champion", metric="auc", margin=0.089))
    for answer in ({}, approval(gated)):
        with pytest.raises(PromotionRefused, match="nobody was asked about: beats_champion: .*Next: clear the task `gate`"):
            promote(stricter, run("train"), gated, answer)
    assert_nothing_moved(p)
    assert promote(p, run("train"), gated)["version"] == 2


def test_a_withdrawal_cannot_slip_between_the_check_and_the_alias(
    p: Platform, address: Address, meanwhile: dict[str, object]
) -> None:
    first(p)
    gated = challenger(p, 2)
    meanwhile["publish.before_merge"] = lambda: withdraw.withdraw(unleased(address), run("watch"), condemned(p, D1), [], {})
    with pytest.raises(PreconditionFailed, match="learnt from readings 2024-01-01, which was withdrawn"):
        promote(p, run("train"), gated)
    assert aliases(p)["champion"] == 1


def test_a_version_whose_gate_failed_is_not_promoted_whoever_approves(p: Platform) -> None:
    first(p)
    gated = challenger(p, 2, "fail")
    with pytest.raises(PromotionRefused, match="not better; the champion is unchanged"):
        promote(p, run("train"), gated, approval(gated))
    assert p.registry.version("toy", 2).tags["gates"] == "refused"


def test_bytes_that_are_not_those_that_were_fitted_are_not_promoted_though_the_tag_agrees(p: Platform, tmp_path: Path) -> None:
    first(p)
    gated = challenger(p, 2)
    where = Path(p.registry.download("toy", 2, gated["sha256"], str(tmp_path)))
    assert where.read_bytes() == booster(tmp_path, 2).read_bytes()
    with pytest.raises(RegistryFailed, match="not used, the champion is unchanged"):
        promote(p, run("train"), gated | {"sha256": "f" * 64})
    assert aliases(p)["champion"] == 1


def test_an_artifact_that_was_changed_is_not_promoted_and_put_back_it_is(p: Platform, mlflow_uri: str, tmp_path: Path) -> None:
    first(p)
    gated = challenger(p, 2)
    content = Path(p.registry.download("toy", 2, gated["sha256"], str(tmp_path))).read_bytes()
    overwrite(mlflow_uri, 2, tmp_path, content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(RegistryFailed, match=r"model.ubj has sha256 .* not used, the champion is unchanged"):
        promote(p, run("train"), gated)
    assert (aliases(p)["champion"], len(read_ledger(p.lake, "toy").promotions)) == (1, 1)
    overwrite(mlflow_uri, 2, tmp_path, content)
    assert promote(p, run("train"), gated)["version"] == 2


def test_an_artifact_that_was_changed_together_with_its_tag_is_not_promoted_by_hand(
    p: Platform, mlflow_uri: str, tmp_path: Path
) -> None:
    first(p)
    challenger(p, 2)
    client = client_of(mlflow_uri)
    other = booster(tmp_path, 7).read_bytes()
    overwrite(mlflow_uri, 2, tmp_path, other)
    forged = hashlib.sha256(other).hexdigest()
    client.set_model_version_tag("toy", "2", "sha256", forged)
    asked = run("train").model_copy(update={"reason": "it looks well"})
    with pytest.raises(RegistryFailed, match=rf"model.ubj has sha256 {forged[:12]} .* not used, the champion is unchanged"):
        promote_version(p, asked, 2)
    assert (aliases(p)["champion"], len(read_ledger(p.lake, "toy").promotions)) == (1, 1)
