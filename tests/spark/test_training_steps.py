"""Training from main to a registered version that leads back to all that made it, on the real parts, and what ends it early."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import use_cases.tiny
from mlflow.data.dataset_source_registry import get_dataset_source_from_json
from pyarrow.dataset import dataset
from use_cases.tiny import TINY

from lakeloop.adapters.mlflow_server import MlflowRegistry, MlflowRuns
from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.core.aliases import gates_of
from lakeloop.core.errors import PreconditionFailed, PromotionRefused, RegistryFailed, SparkFailed
from lakeloop.core.gate_policy import BeatsBaseline, Calibrated, Fresh, HoldsInSlices, LeaksNothing
from lakeloop.core.lake import evidence_path
from lakeloop.core.retraining import Asked
from lakeloop.core.runs import Run
from lakeloop.core.use_case import UseCase
from lakeloop.settings import Settings
from lakeloop.stack.ports import LOOPBACK, free_port
from lakeloop.steps.approval import answered, ask
from lakeloop.steps.models import roll_back
from lakeloop.steps.platform import Platform
from lakeloop.steps.promotion import promote
from lakeloop.steps.training import fit, gate, prepare
from lakeloop.steps.training.record import read_fitted, read_training
from lakeloop.steps.training.reproduce import reproduce
from tests.spark.test_second_case import CASE, NIGHTS, deliver, ingest_all, run
from tests.spark.tiny_world import Dying, fitted
from tests.spark.tiny_world import p as p  # fixtures
from tests.spark.tiny_world import world as world

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import


def test_a_version_leads_back_to_all_that_made_it(
    p: Platform, world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = fitted(p)
    tagged = p.lake.commit_of(f"model-tiny-v{done['version']}").id
    assert tagged == done["commit"]
    known, found = read_training(p.lake, tagged, done["run_key"]), read_fitted(p.lake, tagged, done["run_key"])
    assert (len(known.fit_dates), len(known.holdout_dates), known.fit.rows, known.holdout.rows) == (7, 2, 21, 6)
    version = p.registry.version("tiny", done["version"])
    leads_back = {
        "training_set": known.fit.digest.hash, "lock_digest": known.lock_digest, "data_commit": p.lake.head("main"),
        "repository": "training-steps", "code_version": p.code_version, "contract_version": p.case.contract_version(),
        "matrix_commit": found.matrix_commit, "airflow_run_id": run("train").run_id, "cause": known.cause,
        "trained_from": "2024-05-01", "trained_to": "2024-05-07", "held_out_to": "2024-05-09",
    }  # fmt: skip
    assert {name: version.tags.get(name) for name in leads_back} == leads_back
    assert version.sha256 == found.sha256
    client = client_of(world.mlflow_tracking_uri)
    whole = client.get_run(version.run_id)
    assert whole.info.status == "FINISHED"
    assert {"holdout_log_loss", "holdout_log_loss_low", "holdout_log_loss_of_shop", "fit_log_loss"} <= set(whole.data.metrics)
    learnt = {one.tags[0].value: one.dataset for one in whole.inputs.dataset_inputs}
    source = get_dataset_source_from_json(learnt["training"].source, learnt["training"].source_type)
    assert source.to_dict() == {"uri": f"lakefs://training-steps@{found.matrix_commit}/training/tiny/split=fit"}
    monkeypatch.setattr(Settings, "load", classmethod(lambda _cls: world))
    folder = source.load(str(tmp_path))
    assert dataset(folder, format="parquet").count_rows() == 21, "MLflow's own way to the rows it was fitted on"


def test_a_retry_finds_the_version_and_makes_no_twin(p: Platform) -> None:
    prepared = prepare.prepare(p, run("train"))
    first, again = fit.fit(p, run("train"), prepared), fit.fit(p, run("train"), prepared)
    assert again == first
    assert [one.version for one in p.registry.versions("tiny")] == [first["version"]]


def test_the_first_model_asks_and_its_card_says_what_the_gates_said(p: Platform, world: Settings) -> None:
    done = fitted(p)
    gated = gate.gate(p, run("train"), done)
    assert (gated["ask"], gated["ask_why"]) == (True, "a first model never promotes itself")
    card = client_of(world.mlflow_tracking_uri).get_model_version("tiny", str(gated["version"])).description
    gates = ("| ranks_better_than_the_shops_rate | ✅ pass |", "| better_than_champion | ⚠️ warn |")
    for words in (*gates, "2024-05-01 to 2024-05-07 (7)"):
        assert words in card
    page = p.lake.get(gated["commit"], evidence_path(gated["run_key"], gated["page"])).decode()
    assert "there is no champion to compare with" in page
    assert gate.gate(p, run("train"), done)["commit"] == gated["commit"], "a retry finds the page as it is"
    begun_anew = fitted(p)  # `prepare` was cleared: another branch, and the same version
    assert (begun_anew["commit"], gate.gate(p, run("train"), begun_anew)["commit"]) == (done["commit"], gated["commit"])


def test_gates_refuse_by_what_was_measured_of_the_fit_and_by_the_cases_clock(
    p: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = (Calibrated(bound=0.0), HoldsInSlices(by=("shop",), fewest_rows=2, worse_by=-1.0), Fresh(days=1))
    far_better = BeatsBaseline(name="far_better", metric="auc", baseline="shop", margin=0.99)
    case = p.case.model_copy(update={"gates": (*own, far_better, LeaksNothing(auc=1.0))})
    monkeypatch.setattr(use_cases.tiny, "TINY", case)
    strict = replace(p, case=case)
    with pytest.raises(PromotionRefused, match="calibrated: .*holds_in_slices: .*fresh: .*far_better: .*unchanged"):
        gate.gate(strict, run("train"), fitted(strict))
    said = {one.name: one.words for one in gates_of(p.registry.versions("tiny")[-1].tags) if one.outcome == "fail"}
    worst = r"worst of 3 slices is shop \w+ \(2 rows\): log loss [+-]\d\.\d{4} against the better of champion and base rate, "
    for name, words in {
        "calibrated": r"scores are off by 0\.\d{4} on average, allowed 0\.0000",
        "holds_in_slices": worst + r"allowed -1\.0000",
        "fresh": r"the newest day learnt from is 2024-05-07, 2 days old, allowed 1",
        "far_better": r"auc [01]\.\d{4} against [01]\.\d{4} of shop: gain [+-][01]\.\d{4}, needed 0\.9900",
    }.items():
        assert re.fullmatch(words, said.pop(name)), name
    assert said == {}
    known = gate.gate(replace(p, case=TINY.model_copy(update={"gates": (Fresh(days=2),)})), run("train"), fitted(strict))
    assert [one["outcome"] for one in known["gates"]] == ["pass"], "a day more, and it is fresh"


def test_data_restated_since_the_fit_is_refused_by_the_gate_and_told_by_a_rebuild(p: Platform, world: Settings) -> None:
    done = fitted(p)
    restate(world.home, NIGHTS[3])
    ingest_all(p)
    passed = gate.gate(replace(p, case=lenient(p)), run("train"), done)["commit"]
    with pytest.raises(PromotionRefused, match="learnt from forecasts 2024-05-04"):
        gate.gate(p, run("train"), done)
    assert_kept_when_swept(p, done, passed)
    report = reproduce(p, run("train"), done["version"], lambda _words: None)
    assert report.is_equal, "the recorded commit is read, whatever main holds now"
    (forecasts,) = report.restated
    assert forecasts == (
        f"forecasts: 1 date of what it learnt from, first {NIGHTS[3]}, restated or withdrawn since: 3 rows changed"
    )
    assert gate.gate(p, run("train"), fitted(p))["version"] == done["version"] + 1, "the next training learns from what holds now"


def lenient(p: Platform) -> UseCase:
    """The case without the gate that asks whether main holds what was learnt from."""
    return p.case.model_copy(update={"gates": tuple(one for one in p.case.gates if one.name != "read_nothing_withdrawn")})


def assert_kept_when_swept(p: Platform, done: dict[str, Any], before: str) -> None:
    """What the gates said of a version that is not promoted stands where no clean-up takes it, after what they said before."""
    for branch in list(p.lake.branches("run-tiny-train-")):
        p.lake.delete_branch(branch.name)
    at = f"model-tiny-v{done['version']}-gates"
    page, said = (p.lake.get(at, evidence_path(done["run_key"], name)) for name in ("gates.html", "gates.json"))
    assert b"which main does not hold any more" in page
    told = {one["name"]: one["outcome"] for one in json.loads(said)["gates"]}
    assert told["read_nothing_withdrawn"] == "fail"
    assert p.lake.commit_of(at).parents == (before,), "a judgement comes after the one before it"
    assert read_fitted(p.lake, at, done["run_key"]).sha256 == done["sha256"]
    (tagged,) = (one for one in p.registry.versions("tiny") if one.version == done["version"])
    assert tagged.tags["gates_page"] == f"lakefs://training-steps/{at}/{evidence_path(done['run_key'], 'gates.html')}"


def test_a_fit_that_dies_leaves_a_failed_run_no_version_and_a_clean_retry(p: Platform, world: Settings) -> None:
    prepared = prepare.prepare(p, run("train"))
    with pytest.raises(SparkFailed, match="the server was killed"):
        fit.fit(replace(p, spark=Dying(p.spark, "train")), run("train"), prepared)
    client = client_of(world.mlflow_tracking_uri)
    newest = client.search_runs([client.get_experiment_by_name("tiny").experiment_id], max_results=1)[0]
    assert (newest.info.status, "the server was killed" in newest.data.tags["failure"]) == ("FAILED", True)
    assert p.registry.versions("tiny") == []
    assert fit.fit(p, run("train"), prepared)["version"] == 1


def test_without_mlflow_nothing_is_fitted_and_the_sentence_says_so(p: Platform) -> None:
    prepared = prepare.prepare(p, run("train"))
    nowhere = f"http://{LOOPBACK}:{free_port()}"
    down = replace(p, runs=MlflowRuns(nowhere), registry=MlflowRegistry(nowhere), spark=Dying(p.spark, "train"))
    with pytest.raises(RegistryFailed, match="the champion is unchanged"):
        fit.fit(down, run("train"), prepared)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2030, 1, 1), date(2030, 2, 1), "0 matured days, training needs 7 and 2 later ones; nothing was fitted"),
        (NIGHTS[0], NIGHTS[5], "6 matured days"),
    ],
)
def test_a_window_with_too_few_days_fits_nothing(p: Platform, first: date, last: date, words: str) -> None:
    asked = Run(case=CASE, stage="train", run_id="train-1", date_from=first, date_to=last)
    answer = prepare.prepare(p, asked)
    assert answer["nothing_to_do"]
    assert words in answer["summary"]


def test_a_hold_out_that_somebody_chose_asks_a_person(p: Platform) -> None:
    small = replace(p, case=p.case.model_copy(update={"fewest_training_days": 6}))
    asked = run("train").model_copy(update={"date_from": NIGHTS[0], "date_to": NIGHTS[7]})
    gated = gate.gate(small, asked, fit.fit(small, asked, prepare.prepare(small, asked)))
    known = read_training(p.lake, gated["commit"], gated["run_key"])
    assert (known.holdout_dates, known.narrowed) == (tuple(NIGHTS[6:8]), "2024-05-01 to 2024-05-08")
    assert gated["ask_why"].endswith("its hold-out is not the newest days: 2024-05-01 to 2024-05-08 was asked for")


def test_the_clock_trains_a_week_of_the_cases_own_time_until_its_version_is_judged(p: Platform) -> None:
    tick = Run(case=CASE, stage="train", run_id="train-1", cause="clock")
    done = fit.fit(p, tick, prepare.prepare(p, tick))
    assert p.registry.version("tiny", done["version"]).tags["cause"] == "weekly|2024-W19"
    assert prepare.prepare(p, tick)["run_key"] == done["run_key"], "cleared from its start it finds its version again"
    later, last = (tick.model_copy(update={"run_id": f"train-{number}"}) for number in (2, 3))
    begun = prepare.prepare(p, later)  # the first one ended before its gates, as when the lake is down for them
    found = fit.fit(replace(p, spark=Dying(p.spark, "train")), later, begun)
    assert (found["version"], found["commit"]) == (done["version"], done["commit"]), "no twin is fitted"
    gate.gate(p, later, found)
    assert prepare.prepare(p, last)["summary"].startswith("weekly|2024-W19 was trained for already; ")


def test_a_version_that_somebody_rejected_is_put_to_nobody_again_by_the_clock(
    p: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MlflowRuns, "causes", lambda *_, **__: set())  # the server remembers the weeks of other tests
    woken, tick = (Run(case=CASE, stage="train", run_id=f"{cause}-1", cause=cause) for cause in ("verdict", "clock"))
    goes_on = replace(p, spark=Dying(p.spark, "matrix"))
    with monkeypatch.context() as decayed:
        decayed.setattr(prepare, "asked_by_verdict", lambda *_: Asked("verdict|2024-05-08", ""))
        gated = gate.gate(p, woken, fit.fit(p, woken, prepare.prepare(p, woken)))
        asking = replace(p, case=p.case.model_copy(update={"approvers": ("ann",)}))
        ask(asking, woken, gated, {"mlflow": ""})
        with pytest.raises(PromotionRefused, match="was rejected by ann: it ranks nothing"):
            answered(asking, woken, gated, {"approved": False, "by": "ann", "why": "it ranks nothing"})
        with pytest.raises(SparkFailed):  # it was cleared from its start
            prepare.prepare(goes_on, woken)
    answer = prepare.prepare(goes_on, tick)
    assert answer["nothing_to_do"]
    words = "version 1, made by verdict-1, is of exactly this data and code, and was rejected by ann: it ranks nothing; nothing"
    assert answer["summary"].startswith(words)
    assert p.registry.version("tiny", 1).tags["approval"] == "rejected"
    with pytest.raises(SparkFailed):  # a person may have it judged once more
        prepare.prepare(goes_on, run("train"))


def restate(home: Path, night: date) -> None:
    """Other forecasts for a published night."""
    deliver(home, night, number=2, warmer=1)


def promoted(p: Platform) -> dict[str, Any]:
    """A version of this code that went the whole way."""
    gated = gate.gate(p, run("train"), fitted(p))
    return promote(p, run("train"), gated, {"version": gated["version"], "approved_by": "ann", "approved_why": "well"})


def uncompared(p: Platform) -> Platform:
    """The same world with other code, whose versions need not be better than the champion."""
    gates = tuple(gate for gate in p.case.gates if gate.name != "better_than_champion")
    return replace(p, code_version="0ther", case=p.case.model_copy(update={"gates": gates}))


def measured_beside_the_first(p: Platform, begun: dict[str, Any]) -> None:
    """A fit that was begun beside version 1 stays beside it, writes it down, and loses to the champion that came meanwhile."""
    done = fit.fit(p, run("train"), begun)
    assert read_fitted(p.lake, done["commit"], done["run_key"]).evaluation.champion == 1
    assert p.registry.version("tiny", done["version"]).tags["measured_beside"] == "version 1"
    gated = gate.gate(uncompared(p), run("train"), done)
    with pytest.raises(PreconditionFailed, match="version 2 became champion first.*version 3 was compared with version 1"):
        promote(p, run("train"), gated)


def test_a_version_is_compared_with_the_champion_there_is_and_no_former_one(p: Platform) -> None:
    assert promoted(p)["version"] == 1
    assert prepare.prepare(p, run("train"))["summary"] == "the champion was trained on exactly this data and code"
    third = replace(p, code_version="th1rd")
    begun = prepare.prepare(third, run("train"))
    assert promoted(uncompared(p))["version"] == 2
    measured_beside_the_first(third, begun)
    beside = prepare.prepare(third, run("train"))["run_key"]
    roll_back(p, run("train").model_copy(update={"reason": "too slow"}))
    assert prepare.prepare(third, run("train"))["run_key"] != beside, "its gates are to compare with version 1"
    again = prepare.prepare(uncompared(p), run("train"))
    assert again["nothing_to_do"]
    assert again["summary"] == (
        "version 2 is of exactly this data and code, and was champion before; nothing was fitted. Next: new data; or, for a "
        "person who answers for it, `lakeloop models rollback tiny --to 2`"
    )
    assert prepare.prepare(p, run("train"))["summary"] == "the champion was trained on exactly this data and code"
