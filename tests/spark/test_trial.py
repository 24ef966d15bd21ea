"""Today's code tried on the lake's own data: what it changes is said, and nothing outside is another thing afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import use_cases.tiny
from pyspark.sql import functions as F
from typer.testing import CliRunner, Result
from use_cases.tiny import SHOPS, TINY
from use_cases.tiny import features as tiny_features

from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.cli import trial as cli_trial
from lakeloop.core.contract import Column
from lakeloop.core.errors import SparkFailed
from lakeloop.core.gate_policy import HoldsInSlices
from lakeloop.core.lake import MAIN
from lakeloop.core.ledger import Ledger
from lakeloop.core.reports import RowChange
from lakeloop.core.trial import Trial
from lakeloop.core.use_case import UseCase
from lakeloop.settings import Settings
from lakeloop.steps import approval, promotion
from lakeloop.steps.bootstrap import bootstrap
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.training import fit, gate, prepare, trial
from lakeloop.wiring import lake_of, open_platform
from tests.spark.test_second_case import CASE, NIGHTS, deliver, ingest_all, run
from tests.spark.tiny_world import Dying, settings_of

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import
BY_SHOP = (*TINY.gates, HoldsInSlices(by=("shop",), fewest_rows=1, worse_by=1.0))
SLICED = TINY.model_copy(update={"gates": BY_SHOP, "approvers": ("the owner",)})
UNNAMED = (*TINY.gates, HoldsInSlices(fewest_rows=2, worse_by=1.0))  # as the default, which names no columns either

LATER = ("matrix_change", "train", "score_moves")  # jobs of a try after its first


@pytest.fixture(scope="module")
def settings(stack: Settings, mlflow_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_of(stack, mlflow_uri, tmp_path_factory.mktemp("trial"), "trial")


@pytest.fixture(scope="module")
def world(settings: Settings, new_key: Callable[[], Any]) -> Iterator[Settings]:
    """A lake with ten published nights of the second case, and a champion that learnt from them."""
    bootstrap(lake_of(settings), "local://trial", "c0de")
    client = client_of(settings.mlflow_tracking_uri)
    if client.search_registered_models("name = 'tiny'"):
        client.delete_registered_model("tiny")
    for night in NIGHTS:
        deliver(settings.home, night)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(use_cases.tiny, "TINY", SLICED)
        with open_platform(CASE, new_key(), settings) as p:
            assert ingest_all(p)["published"] == 20
            gated = gate.gate(p, run("train"), fit.fit(p, run("train"), prepare.prepare(p, run("train"))))
            answer = {"approved": True, "by": "the owner", "why": "it ranks the shops"}
            promotion.promote(p, run("train"), gated, approval.answered(p, run("train"), gated, answer))
        yield settings


@pytest.fixture
def p(world: Settings, new_key: Callable[[], Any]) -> Iterator[Platform]:
    with open_platform(CASE, new_key(), world) as opened:
        before = everything(opened, world)
        yield opened
        assert everything(opened, world) == before, "a try leaves nothing and moves nothing"


def everything(p: Platform, settings: Settings) -> dict[str, Any]:
    """Heads of all branches, what is staged on main, tags, and all that MLflow holds of the model."""
    client, lake = client_of(settings.mlflow_tracking_uri), lake_of(settings)
    runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
    return {
        "branches": {one.name: one.head for one in lake.branches("")}, "staged": list(lake.uncommitted(MAIN)),
        "tags": {name: lake.commit_of(name).id for name in lake.tags()},
        "versions": [(one.version, dict(one.tags), one.aliases) for one in client.search_model_versions("name = 'tiny'")],
        "aliases": p.registry.aliases("tiny"), "runs": sorted((one.info.run_id, one.info.status) for one in runs),
    }  # fmt: skip


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch) -> Callable[..., UseCase]:
    """The case as its files say it now."""

    def edit(**changes: Any) -> UseCase:
        case = SLICED.model_copy(update=changes)
        monkeypatch.setattr(use_cases.tiny, "TINY", case)
        return case

    return edit


def compute(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    before = tiny_features.shop_features
    monkeypatch.setattr(tiny_features, "shop_features", lambda *given: change(before(*given)))


def tried(p: Platform, case: UseCase, on: str = MAIN, days: int = 14) -> Trial:
    model = case.model.model_copy(update={"num_workers": p.case.model.num_workers})  # as whoever opens a platform places it
    placed = case.model_copy(update={"model": model})
    return trial.try_out(replace(p, case=placed), run("train"), on, days, lambda _words: None)


def test_unchanged_code_changes_nothing_to_the_byte(p: Platform, code: Callable[..., UseCase]) -> None:
    found = tried(p, code())
    assert found.changes_nothing, found
    assert (found.rows, found.features, found.is_same_model) == (RowChange(same=27), (), True)
    assert [(one.before, one.is_same) for one in found.splits] == [(21, True), (6, True)]
    assert found.scores is not None
    assert (found.scores.rows, found.scores.largest, len(found.scores.slices)) == (6, 0.0, 3)
    assert [(one.gain, one.low, one.high) for one in found.metrics] == [(0.0, 0.0, 0.0)] * 2
    assert [one.worse_by for one in found.slices] == [0.0, 0.0, 0.0]
    assert {one.name: one.outcome for one in found.gates}["better_than_champion"] == "fail", "it is not better"
    assert (found.contract, found.notes) == (None, ())


@pytest.mark.more
def test_a_tag_that_holds_a_training_set_already_can_be_tried_on(p: Platform, code: Callable[..., UseCase]) -> None:
    found = tried(p, code(), on="model-tiny-v1")
    assert found.changes_nothing
    assert "is not of main's own line" in found.notes[0]


def test_a_changed_feature_is_named_with_its_rows_and_the_scores_that_it_moves(
    p: Platform, code: Callable[..., UseCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    warmer = F.when(F.col("shop") == "market", F.col("celsius") + 8).otherwise(F.col("celsius"))
    compute(monkeypatch, lambda frame: frame.withColumn("celsius", warmer))
    found = tried(p, code(gates=UNNAMED))
    assert [(one.name, one.what, one.rows, one.largest) for one in found.features] == [("celsius", "changed", 9, 8.0)]
    assert (found.rows, found.is_same_model, found.changes_nothing) == (RowChange(changed=9, same=18), False, False)
    assert found.scores is not None
    assert (found.scores.rows, found.scores.largest > 0) == (6, True)
    slices = {(one.column, one.value, one.rows) for one in found.scores.slices}
    assert slices == {("shop", name, 2) for name in SHOPS}, "a gate that names no columns looks at the entity's"
    assert "1 column changed (celsius)" in found.verdict


def test_features_that_come_and_go_and_a_parameter_are_told_apart(
    p: Platform, code: Callable[..., UseCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    compute(monkeypatch, lambda frame: frame.withColumn("kelvin", F.col("celsius") + 273.15).drop("visitors"))
    model = SLICED.model.model_copy(update={"max_depth": 1})
    few = (*TINY.gates, HoldsInSlices(fewest_rows=3, worse_by=1.0))
    found = tried(p, code(feature_names=("celsius", "usual", "kelvin"), model=model, gates=few))
    assert {(one.name, one.what) for one in found.features} == {("kelvin", "added"), ("visitors", "removed")}
    assert found.settings == ("max_depth 2 becomes 1",)
    assert (found.scores and found.scores.slices, found.slices) == ((), ()), "no shop has three rows"
    assert {one.name: one.outcome for one in found.gates}["fits_signature"] == "pass", "against the features of today"


def test_a_narrower_contract_shows_which_published_rows_it_would_quarantine(p: Platform, code: Callable[..., UseCase]) -> None:
    forecasts, sales = SLICED.tables
    columns = tuple(
        Column(name="celsius", type="double", required=True, minimum=15, maximum=60) if one.name == "celsius" else one
        for one in forecasts.columns
    )
    found = tried(p, code(tables=(forecasts.model_copy(update={"columns": columns, "version": 2}), sales)), days=2)
    assert found.contract is not None
    (read,) = found.contract.tables
    assert (read.table, read.dates, read.rows_in, read.published, read.quarantined) == ("forecasts", 2, 6, (6, 4), (0, 2))
    assert (read.reasons, read.change) == ({"range:celsius": (0, 2)}, RowChange(removed=2, same=4))
    assert "8 of 10 published dates stay as they were written" in found.contract.not_covered[0]
    assert (found.rows, found.changes_nothing) == (RowChange(removed=2, same=25), False)
    assert "the contract moves rows of forecasts" in found.verdict


def test_without_a_champion_the_days_are_split_anew_and_that_is_said(
    p: Platform, code: Callable[..., UseCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpromoted(*given: Any) -> Ledger:
        return replace(read_ledger(*given), promotions=[])

    monkeypatch.setattr(trial, "read_ledger", unpromoted)
    found = tried(p, code())
    assert (found.champion, found.rows, found.scores, found.changes_nothing) == (None, None, None, False)
    assert found.notes[0].startswith("tiny has no champion: the days are split anew")
    assert [(one.days, one.before, one.after) for one in found.splits] == [(7, None, 21), (2, None, 6)]


@pytest.mark.parametrize("kind", ["matrix", *(pytest.param(kind, marks=pytest.mark.more) for kind in LATER)])
def test_a_try_that_fails_midway_leaves_nothing_either(p: Platform, code: Callable[..., UseCase], kind: str) -> None:
    with pytest.raises(SparkFailed, match="the server was killed; the work area is gone, nothing was published"):
        tried(replace(p, spark=Dying(p.spark, kind)), code())


@pytest.fixture
def command(p: Platform, world: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    from lakeloop.cli.main import app

    monkeypatch.setattr("lakeloop.wiring.case_names", lambda: ["flights", "tiny"])
    monkeypatch.setattr(Settings, "load", classmethod(lambda _cls: world))
    return lambda *arguments: CliRunner().invoke(app, ["try", *arguments], env={"COLUMNS": "200", "NO_COLOR": "1"})


def test_try_is_a_command_for_people_and_for_programs(
    command: Callable[..., Result], code: Callable[..., UseCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    code()
    monkeypatch.setattr("lakeloop.cli.trial._tried", cache(cli_trial._tried))  # one try, shown twice
    shown = command("tiny")
    assert (shown.exit_code, shown.stdout.rstrip().endswith("nothing changes. Nothing was published.")) == (0, True), shown.output
    for words in ("writing 7 + 2 days", "fitting 5 trees", "scoring the hold-out"):
        assert words in shown.stderr
    for words in ("no column of the training set differs", "the model is the same, to the byte", "gates, shown and not acted on"):
        assert words in shown.stdout
    answer = json.loads(command("tiny", "--json").stdout)
    assert (answer["changes_nothing"], answer["champion"], answer["rows"]["same"]) == (True, 1, 27)


def test_what_is_asked_wrongly_is_a_sentence_and_exit_code_2(
    command: Callable[..., Result], code: Callable[..., UseCase], p: Platform
) -> None:
    code()
    *_, first = p.lake.log(MAIN)
    for arguments, words in (
        (("tinny",), "no case 'tinny'"),
        (("tiny", "--on", "no-such-branch"), "no commit, branch or tag 'no-such-branch'"),
        (("tiny", "--on", "../main"), "no name of a commit"),
        (("tiny", "--on", first.id), "does not hold the days of version 1 of tiny"),
        (("tiny", "--days", "-1"), "--days"),
    ):
        done = command(*arguments)
        assert (done.exit_code, words in done.stderr, done.stdout) == (2, True, ""), done.output


def test_code_that_cannot_be_loaded_is_a_sentence(command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> UseCase:
        message = "invalid syntax (features.py, line 3)"
        raise SyntaxError(message)

    monkeypatch.setattr("lakeloop.wiring.load_case", broken)
    done = command("tiny")
    assert (done.exit_code, "cannot be loaded: SyntaxError: invalid syntax (features.py, line 3)" in done.stderr) == (2, True)
