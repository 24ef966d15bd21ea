"""Whole runs in one process, on a database of their own: steps are stand-ins, everything of Airflow is real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.core.errors import AuditFailed, Frozen, OrchestratorFailed, PromotionRefused
from lakeloop.core.runs import Run, SessionKey
from lakeloop.core.use_case import UseCase
from lakeloop.settings import Settings

STEPS = {
    "flights__ingest": ["ingest.intake", "ingest.write", "ingest_publish.audit", "ingest_publish.publish_units"],
    "flights__score": ["score.score", "score.audit"],
    "flights__watch": ["watch.judge_dates", "act.act"],
    "flights__train": ["training.prepare.prepare", "training.fit.fit", "training.gate.gate", "promotion.promote"],
}
pytestmark = pytest.mark.filterwarnings("ignore")  # of the server that Airflow starts in this process
DAGS = Path(__file__).resolve().parents[2] / "dags"
WRONG = [{"date": "2013-06-01"}, {"date_from": "2013-06-31"}, {"date_from": "2013-06-02", "date_to": "2013-06-01"}]
WRONG += [{"reinstate": "checked"}, {"retry_refused": "checked"}, {"replay": "checked"}]  # for which nights?
Runner = Callable[..., tuple[str, dict[str, str]]]
Step = Callable[..., dict[str, Any]]


class Stage:
    """What the stand-ins were asked, and what each is to answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Run, tuple[Any, ...]]] = []
        self.sessions: list[SessionKey] = []
        self.answers: dict[str, dict[str, Any] | Exception] = {}
        self.interrupted: list[SessionKey] = []

    @property
    def played(self) -> list[str]:
        return [name for name, _, _ in self.asked]

    def step(self, name: str) -> Step:
        def play(_platform: object, run: Run, *given: Any) -> dict[str, Any]:
            self.asked.append((name, run, given))
            answer = self.answers.get(name, {"nothing_to_do": False, "summary": f"{name} done"})
            if isinstance(answer, Exception):
                raise answer
            return answer

        return play


@pytest.fixture(scope="session")
def database() -> None:
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAKELOOP_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def platform_db(home: Path) -> PlatformDb:
    return PlatformDb(Settings.load().platform_db_url)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage()

    @contextmanager
    def open_platform(_case_ref: str, session: SessionKey) -> Iterator[object]:
        stage.sessions.append(session)
        yield object()

    monkeypatch.setattr("lakeloop.wiring.open_platform", open_platform)
    for name in ("training.tune.tune", *(step for steps in STEPS.values() for step in steps)):
        module, _, function = name.rpartition(".")
        monkeypatch.setattr(import_module(f"lakeloop.steps.{module}"), function, stage.step(name))
    return stage


@pytest.fixture
def run(database: None) -> Runner:
    """Runs a DAG to its end: the run's state, and that of each task."""
    from airflow.dag_processing.dagbag import DagBag

    # Parsed anew for each test: in one process a run's parameters stay in the DAG.
    bag = DagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="dags-folder")

    def play(dag_id: str, **conf: Any) -> tuple[str, dict[str, str]]:
        ended = bag.dags[dag_id].test(logical_date=None, run_conf=conf)
        return str(ended.state), {ti.task_id: str(ti.state) for ti in ended.get_task_instances()}

    return play


@pytest.mark.parametrize("dag_id", sorted(STEPS))
def test_a_sweep_runs_each_step_once_in_order(dag_id: str, run: Runner, stage: Stage) -> None:
    state, tasks = run(dag_id)
    assert stage.played == STEPS[dag_id]
    assert state == "success"
    assert {task for task, state in tasks.items() if state != "success"} == ({"approve"} if "approve" in tasks else set())
    runs = [run for _, run, _ in stage.asked]
    assert {(each.case, each.date_from, each.stage) for each in runs} == {
        ("use_cases.flights:FLIGHTS", None, dag_id.split("__")[1])
    }


def test_an_approval_that_nobody_asked_for_is_skipped_and_the_promotion_goes_on(run: Runner, stage: Stage) -> None:
    stage.answers["training.gate.gate"] = {"nothing_to_do": False, "version": 2, "ask": False}
    state, tasks = run("flights__train")
    assert (state, tasks["approve"], tasks["promote"], tasks["close_train"]) == ("success", "skipped", "success", "success")
    assert stage.asked[3][2] == ({"nothing_to_do": False, "version": 2, "ask": False}, {})


def test_a_training_with_nothing_to_do_asks_nobody_and_promotes_nothing(run: Runner, stage: Stage) -> None:
    stage.answers["training.prepare.prepare"] = {"nothing_to_do": True, "summary": "3 matured days, training needs 21"}
    state, tasks = run("flights__train")
    assert (stage.played, state) == (["training.prepare.prepare"], "success")
    assert {tasks[one] for one in ("fit", "gate", "approve", "promote")} == {"skipped"}


def test_a_refusal_by_the_gates_asks_nobody_and_promotes_nothing(run: Runner, stage: Stage) -> None:
    stage.answers["training.gate.gate"] = PromotionRefused("auc 0.5 against 0.6")
    state, tasks = run("flights__train")
    assert (state, tasks["approve"], tasks["promote"]) == ("failed", "upstream_failed", "upstream_failed")


def test_each_step_gets_what_the_one_before_answered(run: Runner, stage: Stage) -> None:
    stage.answers["ingest.intake"] = {"nothing_to_do": False, "commit": "abc"}
    run("flights__ingest")
    assert stage.asked[1][2] == ({"nothing_to_do": False, "commit": "abc"},)


def test_each_try_has_a_session_of_its_own(run: Runner, stage: Stage) -> None:
    run("flights__ingest")
    assert len({key.id for key in stage.sessions}) == 4
    assert {(key.dag, key.attempt, key.map_index) for key in stage.sessions} == {("flights__ingest", 1, -1)}


def test_a_range_is_worked_as_it_was_asked(run: Runner, stage: Stage) -> None:
    run("flights__ingest", date_from="2013-06-01", date_to="2013-06-30", reinstate="checked by hand", retry_refused="new suite")
    asked = stage.asked[0][1]
    assert (str(asked.date_from), str(asked.date_to)) == ("2013-06-01", "2013-06-30")
    assert (asked.reinstate, asked.retry_refused) == ("checked by hand", "new suite")


def test_a_persons_answer_reaches_the_watch_with_its_reason(run: Runner, stage: Stage) -> None:
    run("flights__watch", date_from="2013-07-02", decide="accept", reason="a storm")
    asked = stage.asked[0][1]
    assert (str(asked.date_to), asked.decide, asked.reason) == ("2013-07-02", "accept", "a storm")


@pytest.mark.parametrize("missing", [{"date_from": ""}, {"reason": " "}])
def test_an_answer_without_dates_or_reason_does_nothing(run: Runner, stage: Stage, missing: dict[str, str]) -> None:
    state, tasks = run("flights__watch", **{"date_from": "2013-07-02", "decide": "accept", "reason": "a storm", **missing})
    assert (stage.played, state, tasks["judge"]) == ([], "failed", "failed")


def test_one_date_is_one_night(run: Runner, stage: Stage) -> None:
    run("flights__score", date_from="2013-06-01")
    assert str(stage.asked[0][1].date_to) == "2013-06-01"


@pytest.mark.parametrize("conf", WRONG)
def test_a_configuration_that_nobody_understands_does_nothing(run: Runner, stage: Stage, conf: dict[str, str]) -> None:
    state, tasks = run("flights__ingest", **conf)
    assert stage.played == []
    assert (state, tasks["intake"], tasks["close_ingest"]) == ("failed", "failed", "failed")


def test_a_sweep_with_nothing_to_do_is_green_and_skips_the_rest(run: Runner, stage: Stage) -> None:
    stage.answers["ingest.write"] = {"nothing_to_do": True, "summary": "every delivery is published"}
    state, tasks = run("flights__ingest")
    assert stage.played == ["ingest.intake", "ingest.write"]
    assert state == "success"
    assert tasks == {"intake": "success", "write": "success", "audit": "skipped", "publish": "skipped", "close_ingest": "success"}


def test_a_refusal_fails_the_run_at_once_and_the_teardown_ran(run: Runner, stage: Stage, platform_db: PlatformDb) -> None:
    stage.answers["ingest_publish.audit"] = AuditFailed("3 of 41 expectations; nothing published")
    state, tasks = run("flights__ingest")
    assert stage.played.count("ingest_publish.audit") == 1, "the same data would be refused again"
    assert state == "failed"
    assert (tasks["audit"], tasks["publish"], tasks["close_ingest"]) == ("failed", "upstream_failed", "failed")


def test_a_failed_run_is_one_alert_with_the_tasks_last_words(run: Runner, stage: Stage, platform_db: PlatformDb) -> None:
    stage.answers["ingest_publish.audit"] = AuditFailed("3 of 41 expectations; nothing published")
    run("flights__ingest")
    (alert,) = platform_db.outbox.all()
    assert alert.title == "flights__ingest failed at audit"
    assert "AuditFailed: 3 of 41 expectations" in alert.body["cause"]
    assert "/dags/flights__ingest/runs/manual__" in alert.body["run page"]
    assert alert.severity == "critical"


def test_a_green_run_alerts_nobody(run: Runner, stage: Stage, platform_db: PlatformDb) -> None:
    run("flights__watch")
    assert platform_db.outbox.all() == []


def test_a_session_left_open_is_interrupted_by_the_teardown(
    run: Runner, stage: Stage, platform_db: PlatformDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_platform: object, asked: Run) -> dict[str, Any]:
        left = stage.sessions[-1].model_copy(update={"attempt": 0})
        platform_db.sessions.opened(left)  # as a try that was killed leaves it
        return {"nothing_to_do": False}

    monkeypatch.setattr("lakeloop.steps.score.score", killed)
    monkeypatch.setattr("lakeloop.spark.connect.interrupt", lambda _settings, key: stage.interrupted.append(key))
    run("flights__score")
    assert [key.attempt for key in stage.interrupted] == [0]
    assert platform_db.sessions.open_since(-60) == []


class NoteTaker:
    """Stands where Airflow's API would be asked for a note."""

    notes: list[str] = []
    refuses = False

    def __init__(self, *_: object, **__: object) -> None:
        """Any address will do."""

    def __enter__(self) -> NoteTaker:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def run(self, dag_id: str, run_id: str) -> dict[str, str]:
        return {"note": "asked by Ann\n\n▸ what an earlier end said"}

    def note(self, dag_id: str, run_id: str, words: str) -> None:
        if self.refuses:
            raise OrchestratorFailed(dag_id)
        self.notes.append(words)


@pytest.fixture
def note_taker(monkeypatch: pytest.MonkeyPatch) -> type[NoteTaker]:
    monkeypatch.setenv("LAKELOOP_AIRFLOW_PASSWORD", "x")
    monkeypatch.setattr("lakeloop_airflow.closing.AirflowApi", NoteTaker)
    monkeypatch.setattr(NoteTaker, "notes", [])
    return NoteTaker


def test_a_run_gets_a_note_of_what_it_did_below_what_a_person_wrote(
    run: Runner, stage: Stage, note_taker: type[NoteTaker]
) -> None:
    run("flights__score")
    assert note_taker.notes == ["asked by Ann\n\n▸ score.score done; score.audit done"]


def test_a_run_that_met_a_freeze_says_so_in_its_note(run: Runner, stage: Stage, note_taker: type[NoteTaker]) -> None:
    stage.answers["ingest_publish.publish_units"] = Frozen("publishing is frozen: an incident")
    assert run("flights__ingest")[0] == "failed"
    assert note_taker.notes[0].endswith("; publish failed: Frozen: publishing is frozen: an incident")


def test_a_note_that_cannot_be_written_fails_no_run(
    run: Runner, stage: Stage, note_taker: type[NoteTaker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(note_taker, "refuses", True)
    assert run("flights__score")[0] == "success"


def test_the_canary_sings(run: Runner) -> None:
    assert run("platform__canary") == ("success", {"canary": "success"})


def test_the_janitor_ends_sessions_that_belong_to_nobody(
    run: Runner, stage: Stage, platform_db: PlatformDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan = SessionKey(installation="i", database="d", dag="flights__score", run="r", task="score")
    platform_db.sessions.opened(orphan)
    monkeypatch.setattr("lakeloop_airflow.housekeeping.LONGEST_TRY", __import__("datetime").timedelta(seconds=-60))
    monkeypatch.setattr("lakeloop.spark.connect.interrupt", lambda _settings, key: stage.interrupted.append(key))
    monkeypatch.setattr("lakeloop.steps.janitor.sweep", lambda *_: {"summary": "0 branches deleted"})
    monkeypatch.setattr("lakeloop.wiring.lake_of", lambda _settings: object())
    reconciled: list[str] = []
    monkeypatch.setattr("lakeloop.steps.reconcile.reconcile", lambda *given: {"summary": str(reconciled.append(given[-1].name))})
    swept: list[str] = []
    monkeypatch.setattr("lakeloop.steps.left_open.close_left", lambda *given: {"summary": str(swept.append(given[1]))})
    assert run("platform__janitor")[0] == "success"
    assert stage.interrupted == [orphan]
    assert "flights" in reconciled
    assert swept == reconciled


def test_a_case_that_tunes_fits_what_its_tuning_answered(tuning_flights: UseCase, run: Runner, stage: Stage) -> None:
    stage.answers["training.prepare.prepare"] = {"nothing_to_do": False, "commit": "rows"}
    stage.answers["training.tune.tune"] = {"nothing_to_do": False, "commit": "rows and tuned.json"}
    state, tasks = run("flights__train")
    assert (state, tasks["tune"]) == ("success", "success")
    assert stage.played == [*STEPS["flights__train"][:1], "training.tune.tune", *STEPS["flights__train"][1:]]
    given = {name: answers for name, _, answers in stage.asked}
    assert given["training.tune.tune"] == ({"nothing_to_do": False, "commit": "rows"},)
    assert given["training.fit.fit"] == ({"nothing_to_do": False, "commit": "rows and tuned.json"},)


def test_without_anything_to_train_on_nothing_is_tuned(tuning_flights: UseCase, run: Runner, stage: Stage) -> None:
    stage.answers["training.prepare.prepare"] = {"nothing_to_do": True, "summary": "3 matured days, training needs 21"}
    state, tasks = run("flights__train")
    assert (stage.played, state, tasks["tune"], tasks["fit"]) == (["training.prepare.prepare"], "success", "skipped", "skipped")


@pytest.mark.parametrize("retrains", [True, False])
def test_only_a_verdict_that_asks_for_a_training_wakes_it(run: Runner, stage: Stage, retrains: bool) -> None:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    def touched() -> int:
        with create_session() as session:
            asked = select(func.count(AssetEvent.id)).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            return int(session.scalar(asked.where(AssetModel.name == "flights_worn")) or 0)

    before = touched()
    stage.answers["act.act"] = {"nothing_to_do": False, "retrains": retrains}
    assert run("flights__watch")[0] == "success"
    assert touched() - before == int(retrains)


@pytest.mark.parametrize(("run_type", "cause"), [("asset_triggered", "verdict"), ("scheduled", "clock"), ("manual", "")])
def test_a_training_knows_what_woke_it_and_no_more(run_type: str, cause: str) -> None:
    from lakeloop_airflow.runs import run_of

    dag_run = SimpleNamespace(run_id="r", run_type=run_type, conf={}, logical_date=None, triggering_user_name=None)
    context: Any = {
        "dag_run": dag_run, "dag": SimpleNamespace(params={}), "params": {}, "ti": SimpleNamespace(try_number=1),
    }  # fmt: skip
    assert run_of(context, "use_cases.flights:FLIGHTS", "train").cause == cause
    assert run_of(context, "use_cases.flights:FLIGHTS", "watch").cause == ""
