"""What a question, an answer and silence do to a version and to on-call, on a real registry."""

from dataclasses import replace

import pytest

from lakeloop.adapters.mlflow_server import MlflowRegistry
from lakeloop.core.errors import InvalidInput, PromotionRefused
from lakeloop.steps import approval
from lakeloop.steps.models import promote_version
from lakeloop.steps.platform import Platform
from lakeloop.steps.promotion import promote
from tests.protocol.challengers import challenger
from tests.protocol.promotions import p as p  # the fixture
from tests.protocol.world import alerts, run

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import
PAGES = {"task": "http://airflow/task", "mlflow": "http://mlflow", "evaluation": "http://alerts/lake/abc/gates.html"}
NO = {"approved": False, "by": "ann", "why": "too few days"}


def test_a_question_shows_the_gates_and_links_and_reaches_on_call_once(p: Platform) -> None:
    gated = challenger(p, 1)
    gated["gates"][1]["words"] = "a | b"
    asked = approval.ask(p, run("train"), gated, PAGES)
    approval.ask(p, run("train"), gated, PAGES)  # as a retry does
    assert "| beats_champion | **warn** | a \\| b |" in asked["body"]
    assert "[the version in MLflow](http://mlflow/#/models/toy/versions/1)" in asked["body"]
    assert p.registry.version("toy", 1).tags["approval"] == "awaited"
    (alert,) = alerts(p)
    assert (alert.title, alert.body["answer"]) == ("toy: version 1 waits for an approval", "http://airflow/task")
    assert alert.body["asked"] == "ann, within 72 hours; no answer is a no"


def test_a_case_that_names_nobody_is_not_promoted(p: Platform) -> None:
    nobody = replace(p, case=p.case.model_copy(update={"approvers": ()}))
    with pytest.raises(PromotionRefused, match="names no approvers; the champion is unchanged"):
        approval.ask(nobody, run("train"), challenger(p, 1), PAGES)


def test_a_yes_is_handed_on_with_its_version_and_a_no_and_silence_stand_on_the_version(p: Platform) -> None:
    gated = challenger(p, 1)
    yes = approval.answered(p, run("train"), gated, {"approved": True, "by": "ann", "why": " fine "})
    assert (yes["version"], yes["approved_by"], yes["approved_why"]) == (1, "ann", "fine")
    with pytest.raises(PromotionRefused, match="version 1 was rejected by ann: too few days; the champion is unchanged"):
        approval.answered(p, run("train"), gated, NO)
    tags = p.registry.version("toy", 1).tags
    assert (tags["approval"], tags["approval_by"], tags["approval_why"]) == ("rejected", "ann", "too few days")
    with pytest.raises(PromotionRefused, match="had no answer of ann within 72 hours"):
        approval.ran_out(p, run("train"), gated)
    assert p.registry.version("toy", 1).tags["approval"] == "lapsed"
    assert [one.title for one in alerts(p)] == ["toy: nobody answered for version 1"]


@pytest.mark.parametrize("why", ["", " \n", "\u200b\u2800", "fine\x00"])
@pytest.mark.parametrize(("approved", "word"), [(True, "yes"), (False, "no")])
def test_an_answer_without_a_reason_does_not_count(p: Platform, approved: bool, word: str, why: str) -> None:
    gated = challenger(p, 1)
    approval.ask(p, run("train"), gated, PAGES)
    with pytest.raises(
        InvalidInput, match=rf"the {word} of ann to toy version 1 does not count: a reason .*clear the task `approve`"
    ):
        approval.answered(p, run("train"), gated, {"approved": approved, "by": "ann", "why": why})
    tags = p.registry.version("toy", 1).tags
    assert (tags["approval"], tags.get("approval_by")) == ("awaited", None)


@pytest.mark.parametrize(("by", "named"), [("", "somebody unnamed"), ("bob", "bob"), ("Ann", "Ann")])
def test_an_answer_of_somebody_who_is_no_approver_does_not_count(p: Platform, by: str, named: str) -> None:
    gated, before = challenger(p, 1), p.lake.head("main")
    approval.ask(p, run("train"), gated, PAGES)
    for approved, word in ((True, "yes"), (False, "no")):
        words = f"the {word} of {named} to toy version 1 does not count: ann may answer, by the `approvers`.*one of them answer"
        with pytest.raises(InvalidInput, match=words):
            approval.answered(p, run("train"), gated, {"approved": approved, "by": by, "why": "I like it"})
    tags = p.registry.version("toy", 1).tags
    assert (tags["approval"], tags.get("approval_by"), p.lake.head("main")) == ("awaited", None, before)


def test_a_question_about_what_was_promoted_by_hand_meanwhile_takes_nothing_back(p: Platform) -> None:
    gated = challenger(p, 1)
    promote_version(p, run("train").model_copy(update={"reason": "looked at", "actor": "bob"}), 1)
    tags = dict(p.registry.version("toy", 1).tags)
    assert (tags["approval"], tags["approval_by"]) == ("approved", "bob (by hand, not among the approvers)")
    for answer in (approval.answered(p, run("train"), gated, NO), approval.ran_out(p, run("train"), gated)):
        assert answer["summary"] == "version 1 was promoted by hand meanwhile"
        assert promote(p, run("train"), gated, answer)["summary"] == "version 1 is champion (promotion 1)"
    assert dict(p.registry.version("toy", 1).tags) == tags
    assert [alert.title for alert in alerts(p)] == ["toy: bob answered for version 1 by hand"]


def test_an_approver_s_own_login_answers_by_hand_without_an_alert(p: Platform) -> None:
    challenger(p, 1)
    promote_version(p, run("train").model_copy(update={"reason": "looked at", "actor": "ann"}), 1)
    assert p.registry.version("toy", 1).tags["approval_by"] == "ann (by hand)"
    assert alerts(p) == []


def test_a_no_holds_though_the_registry_is_down(p: Platform) -> None:
    gone = replace(p, registry=MlflowRegistry("http://127.0.0.1:9"))
    with pytest.raises(PromotionRefused, match="rejected by ann.*could not be tagged as rejected"):
        approval.answered(gone, run("train"), {"version": 1, "run_key": "k" * 64}, NO)
