"""`lakeloop models` on a real lake and a real registry: what it shows, and the gated merges it makes for a person."""

import getpass
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from lakeloop import wiring
from lakeloop.adapters.mlflow_server import MlflowRegistry
from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.cli.main import app
from lakeloop.core.errors import LakeloopError, PreconditionFailed, PromotionRefused
from lakeloop.core.lake import evidence_path
from lakeloop.stack.lakefs import LakefsServer
from lakeloop.steps import withdraw
from lakeloop.steps.gate_record import keep_gates
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.promotion import promote
from lakeloop.steps.training.gate_page import PAGE
from lakeloop_airflow.inbox.lake_pages import LakePages
from tests.protocol import toy
from tests.protocol.challengers import approval, challenger
from tests.protocol.promotions import p as p  # the fixture
from tests.protocol.toy import TOY
from tests.protocol.world import DAY_ONE, Address, alerts, condemned, run

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import
Asked = Callable[..., Any]


@pytest.fixture
def asked(p: Platform, address: Address, mlflow_uri: str, lakefs_server: LakefsServer, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The command's own way to the world of the test; its answer as JSON."""
    told = {
        "HOME": str(lakefs_server.home), "LAKEFS_ENDPOINT": address.endpoint, "LAKEFS_ACCESS_KEY_ID": address.key,
        "LAKEFS_SECRET_ACCESS_KEY": address.secret, "REPOSITORY": address.repository, "MLFLOW_TRACKING_URI": mlflow_uri,
        "PLATFORM_DB_URL": f"sqlite:///{address.folder / 'platform.db'}",
    }  # fmt: skip
    for name, value in told.items():
        monkeypatch.setenv(f"LAKELOOP_{name}", value)
    monkeypatch.setattr(wiring, "case_names", lambda: ["toy"])
    monkeypatch.setattr(wiring, "case_ref", lambda _: p.case_ref)

    def ask(*arguments: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, ["models", *arguments, "--json"])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    return ask


@pytest.fixture
def three(p: Platform) -> Platform:
    """Version 1 was champion, version 2 is, a gate warned of version 3 and one refused version 4."""
    first = challenger(p, 1)
    promote(p, run("train"), first, approval(first))
    promote(p, run("train"), challenger(p, 2))
    challenger(p, 3, "warn")
    challenger(p, 4, "fail")
    return p


def champion(p: Platform) -> Any:
    return read_ledger(p.lake, "toy").champion


def test_versions_are_listed_shown_and_compared(three: Platform, asked: Asked) -> None:
    found = asked("list")["toy"]
    assert [(one["version"], one["state"]) for one in found] == [
        (4, "refused"), (3, "challenger"), (2, "champion"), (1, "previous"),
    ]  # fmt: skip
    assert (found[3]["promoted_by"], found[3]["reason"], found[3]["auc_low"]) == ("ann", "looks right", 0.78)
    shown = asked("show", "toy", "3")
    assert [gate["outcome"] for gate in shown["gates"]] == ["pass", "warn"]
    assert (shown["metrics"], shown["features"]) == ({"auc": 0.8}, ["value"])
    beside = {row["what"]: row for row in asked("compare", "toy", "2", "4")}
    assert beside["auc"]["difference"] == "+0.0000"
    assert (beside["gate beats_champion"]["version 4"], beside["state"]["version 2"]) == ("fail", "champion")
    for_people = CliRunner().invoke(app, ["models", "list"], env={"COLUMNS": "160", "NO_COLOR": "1"}).output
    assert "1 pass, 1 warn" in for_people
    assert "0.800 [0.780, 0.820]" in for_people


def test_the_pages_of_a_version_are_there(three: Platform, asked: Asked, mlflow_uri: str) -> None:
    version = three.registry.version("toy", 3)
    judged = {"version": 3, "run_key": version.tags["run_key"], "commit": version.tags["training_commit"]}
    keep_gates(three, run("train"), judged, {PAGE: b"<p>warns</p>"})
    links = asked("show", "toy", "3")["links"]
    assert list(links) == [
        "model card", "gates' page", "MLflow run", "data as it was read", "record of the training", "Airflow run",
    ]  # fmt: skip
    assert links["model card"] == f"{mlflow_uri}/#/models/toy/versions/3"
    run_id = links["MLflow run"].removeprefix(f"{mlflow_uri}/#/runs/")
    assert client_of(mlflow_uri).get_run(run_id).data.tags["run_key"] == version.tags["run_key"]
    for name in ("gates' page", "data as it was read", "record of the training"):
        ref, _, path = links[name].partition("/lake/")[2].partition("/")
        shown = LakePages(lambda: three.lake).answer(ref, path)
        assert shown.status_code == 200
        assert (b"<p>warns</p>" in bytes(shown.body)) == (name == "gates' page")
    assert links["Airflow run"].endswith("/dags/toy__train/runs/manual__2024-01-01T00%3A00%3A00%2B00%3A00")


def test_a_promotion_by_hand_is_the_same_gated_merge_with_a_name_and_a_reason(three: Platform, asked: Asked) -> None:
    before = three.lake.head("main")
    dry = asked("promote", "toy", "3", "--reason", "the storm is over", "--dry-run")
    me, by = getpass.getuser(), f"{getpass.getuser()} (by hand, not among the approvers)"
    assert dry["summary"] == (
        "a dry run: version 3 would be champion instead of version 2 (promotion 3); "
        f"on-call would be told that {by} answered for it"
    )
    assert (three.lake.head("main"), three.registry.aliases("toy")["champion"], alerts(three)) == (before, 2, [])
    done = asked("promote", "toy", "3", "--reason", "the storm is over")
    assert done["version"] == 3
    receipt = champion(three)
    assert (receipt.actor, receipt.approved_by, receipt.reason, receipt.previous) == (me, by, "the storm is over", 2)
    (alert,) = alerts(three)
    assert (alert.title, alert.body["asked"]) == (
        f"toy: {me} answered for version 3 by hand", "approvers of the case are nobody",
    )  # fmt: skip
    assert receipt.reads == read_ledger(three.lake, "toy").promotions[0].reads
    assert three.registry.aliases("toy") == {"champion": 3, "previous": 2}
    page = three.lake.get("main", evidence_path(receipt.run_key, PAGE)).decode()
    for words in ("Gates of toy version 3", "a person is asked: beats_champion warned", "! warn", receipt.gates[-1].words):
        assert words in page, "the page of the gates as they were asked now"


def test_tags_that_say_that_the_gates_passed_do_not_make_them_pass(three: Platform, asked: Asked, mlflow_uri: str) -> None:
    passed = [{"name": "beats_champion", "outcome": "pass", "words": "so good"}]
    for tag, value in (("gates", "passed"), ("gate_results", json.dumps(passed))):
        client_of(mlflow_uri).set_model_version_tag("toy", "4", tag, value)
    with pytest.raises(PromotionRefused, match="not better; the champion is unchanged"):
        asked("promote", "toy", "4", "--reason", "its tags say so")
    assert champion(three).model_version == 2


def test_a_version_that_was_measured_before_there_was_a_champion_does_not_say_there_is_none(p: Platform, asked: Asked) -> None:
    challenger(p, 1)
    second = challenger(p, 2)
    promote(p, run("train"), second, approval(second))
    asked("promote", "toy", "1", "--reason", "better days")
    receipt = champion(p)
    told = {gate.name: (gate.outcome, gate.words.partition(":")[0]) for gate in receipt.gates}
    assert told["beats_champion"] == ("warn", "it was measured beside no champion, and version 2 is champion")
    assert "auc" not in receipt.metrics, "the record in the lake is asked for its metrics, not the registry"
    assert receipt.metrics["holdout_auc"] == pytest.approx(0.8)


def test_a_version_that_was_measured_beside_an_earlier_champion_needs_a_person_s_word(three: Platform, asked: Asked) -> None:
    challenger(three, 5)
    asked("promote", "toy", "3", "--reason", "the storm is over")
    asked("promote", "toy", "5", "--reason", "better days")
    receipt = champion(three)
    told = {gate.name: (gate.outcome, gate.words.partition(":")[0]) for gate in receipt.gates}
    assert told["beats_champion"] == ("warn", "it was measured beside version 2, and version 3 is champion")
    assert (receipt.approved_by, receipt.approved_why) == (
        f"{getpass.getuser()} (by hand, not among the approvers)", "better days",
    )  # fmt: skip


def test_the_record_says_which_champion_a_version_was_measured_beside_whatever_its_data_commit_says(
    three: Platform, asked: Asked
) -> None:
    challenger(three, 5, beside=1)
    asked("promote", "toy", "5", "--reason", "better days")
    told = {gate.name: (gate.outcome, gate.words.partition(":")[0]) for gate in champion(three).gates}
    assert told["beats_champion"] == ("warn", "it was measured beside version 1, and version 2 is champion")


@pytest.mark.parametrize(
    ("version", "words"),
    [("4", "not better; the champion is unchanged"), ("2", "is champion already"), ("1", "rollback")],
)
def test_what_may_not_be_promoted_is_refused_dry_or_not(three: Platform, asked: Asked, version: str, words: str) -> None:
    for more in ([], ["--dry-run"]):
        with pytest.raises((PromotionRefused, PreconditionFailed), match=words):
            asked("promote", "toy", version, "--reason", "I want it", *more)
    assert champion(three).model_version == 2


@pytest.mark.parametrize("reason", ["", "  ", "\u200b", "…", "worse\x1b[2J", "x" * 501])
def test_a_promotion_and_a_rollback_without_a_reason_touch_nothing(p: Platform, asked: Asked, reason: str) -> None:
    first = challenger(p, 1)
    promote(p, run("train"), first, approval(first))
    promote(p, run("train"), challenger(p, 2))
    challenger(p, 3, "warn")
    before, aliases = p.lake.head("main"), p.registry.aliases("toy")
    for move in (("promote", "toy", "3"), ("rollback", "toy")):
        for more in ([], ["--dry-run"]):
            done = CliRunner().invoke(app, ["models", *move, "--reason", reason, *more])
            assert (done.exit_code, "nothing was done" in " ".join(done.output.split())) == (2, True)
    assert (p.lake.head("main"), p.registry.aliases("toy")) == (before, aliases)


def test_a_rollback_goes_to_the_champion_before_and_not_back_again(three: Platform, asked: Asked) -> None:
    assert (
        "version 1 would be champion instead of version 2"
        in asked("rollback", "toy", "--reason", "worse", "--dry-run")["summary"]
    )
    assert asked("rollback", "toy", "--reason", "worse")["version"] == 1
    receipt = champion(three)
    assert (receipt.action, receipt.model_version, receipt.reason, receipt.previous) == ("rollback", 1, "worse", 2)
    assert three.registry.aliases("toy") == {"champion": 1, "challenger": 3}
    with pytest.raises(PreconditionFailed, match="no champion before this one; nothing was rolled back"):
        asked("rollback", "toy", "--reason", "again")
    with pytest.raises(PreconditionFailed, match="version 4 never was champion"):
        asked("rollback", "toy", "--reason", "again", "--to", "4")
    assert asked("rollback", "toy", "--reason", "it was not the model", "--to", "2")["version"] == 2
    assert [one.model_version for one in read_ledger(three.lake, "toy").promotions] == [1, 2, 1, 2]


def test_a_rollback_to_a_version_that_learnt_from_withdrawn_data_needs_a_word(
    three: Platform, asked: Asked, address: Address
) -> None:
    withdraw.withdraw(
        replace(three, registry=MlflowRegistry("http://127.0.0.1:9")), run("watch"), condemned(three, DAY_ONE), [], {}
    )
    with pytest.raises(PromotionRefused, match="learnt from data that was withdrawn since"):
        asked("rollback", "toy", "--reason", "worse")
    assert asked("rollback", "toy", "--reason", "worse", "--despite-withdrawn")["version"] == 1
    shown = asked("show", "toy", "1")
    assert (shown["state"], shown["read_withdrawn"]) == ("champion", True)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ({"feature_names": ("kelvin",)}, "kelvin was not learnt; value is not computed"),
        ({"categories": ("value",)}, "value was learnt as a number and is a text"),
    ],
)
def test_a_rollback_to_a_version_that_could_not_score_is_refused_dry_or_not(
    three: Platform, asked: Asked, monkeypatch: pytest.MonkeyPatch, now: dict[str, Any], words: str
) -> None:
    before, aliases = three.lake.head("main"), three.registry.aliases("toy")
    monkeypatch.setattr(toy, "TOY", TOY.model_copy(update=now))
    for more in ([], ["--dry-run"], ["--despite-withdrawn"]):
        with pytest.raises(PromotionRefused, match=f"version 1 cannot score.*: {words}; nothing was rolled back.*Next: another"):
            asked("rollback", "toy", "--reason", "worse", *more)
    assert (three.lake.head("main"), three.registry.aliases("toy")) == (before, aliases)


def test_a_rollback_to_a_version_without_a_record_goes_by_the_names_on_its_tags(
    three: Platform, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    three.lake.retag("model-toy-v1", three.lake.head("main"))  # of another model, say: a registry that was lost counts anew
    with monkeypatch.context() as changed:
        changed.setattr(toy, "TOY", TOY.model_copy(update={"feature_names": ("value", "kelvin")}))
        with pytest.raises(PromotionRefused, match="version 1 cannot score.*: kelvin was not learnt; nothing was rolled back"):
            asked("rollback", "toy", "--reason", "worse")
    assert asked("rollback", "toy", "--reason", "worse")["version"] == 1


def test_reconcile_is_a_command_with_a_dry_run(three: Platform, asked: Asked, mlflow_uri: str) -> None:
    three.registry.point("toy", "champion", 4)
    assert asked("reconcile", "--dry-run")["toy"]["differences"][0] == "champion was version 4, the ledger says version 2"
    assert (three.registry.aliases("toy")["champion"], alerts(three)) == (4, [])
    asked("reconcile")
    assert three.registry.aliases("toy") == {"champion": 2, "previous": 1, "challenger": 3}
    client_of(mlflow_uri).delete_model_version("toy", "2")
    assert "not in the registry any more" in asked("reconcile", "toy", code=1)["toy"]["summary"]
    listed = {one["version"]: one["registered"] for one in asked("list")["toy"]}
    assert listed == {4: True, 3: True, 2: False, 1: True}


def test_an_unknown_case_or_version_is_a_sentence(three: Platform, asked: Asked) -> None:
    for arguments, words in (
        (("show", "toys", "1"), "no case 'toys', there are toy; nothing was done. Next: one of these names"),
        (("list", "toys"), "no case 'toys', there are toy; nothing was listed. Next: one of these names"),
        (("show", "toy", "9"), "has no version 9; nothing was shown. Next: `lakeloop models list toy`"),
        (("compare", "toy", "1", "9"), "has no version 9; nothing was shown. Next: `lakeloop models list toy`"),
        (
            ("promote", "toy", "9", "--reason", "why"),
            "has no version 9; the champion is unchanged. Next: `lakeloop models list toy`",
        ),
        (("rollback", "toy", "--to", "9", "--reason", "why"), "nothing was rolled back. Next: `lakeloop models list toy`"),
    ):
        with pytest.raises(LakeloopError, match=words):
            asked(*arguments)
