"""A version on a real MLflow server: one a piece of work, whatever broke on the way, and what any user gets of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lakeloop.adapters.mlflow_server import MlflowRegistry, MlflowRuns
from lakeloop.core.errors import RegistryFailed
from lakeloop.settings import REPO_ROOT
from tests.registry.fits import FEATURES, Record

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import
PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6)) + (b"PK\x03\x04", b"\x1f\x8b", b"(dp", b"ccopy_reg")


def test_a_retry_finds_the_version_made_before(record: Record) -> None:
    first, again, other = record("k1"), record("k1"), record("k2")
    assert (first.version, again, other.version) == (1, first, 2)
    assert first.tags["run_key"] == "k1"
    assert first.tags["data_commit"] == "c0ffee"


def test_a_slow_try_that_was_taken_for_dead_makes_no_twin(
    record: Record, runs: MlflowRuns, registry: MlflowRegistry, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = record("k1")
    with monkeypatch.context() as slow:
        slow.setattr(runs, "made", lambda *_: None)  # it looked before there was one
        assert record("k1") == first
    assert registry.versions(name) == [first]


def test_a_create_whose_answer_was_lost_is_found_again(record: Record, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.exceptions import MlflowException

    create = client.create_model_version

    def lost(*args: object, **words: object) -> None:
        create(*args, **words)
        message = "connection reset"
        raise MlflowException(message)

    monkeypatch.setattr(client, "create_model_version", lost)
    assert record("k1").version == 1
    monkeypatch.undo()
    assert record("k1").version == 1


def test_a_failed_registration_leaves_no_version_and_closes_the_run_at_the_retry(
    record: Record, client: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        message = "no space"
        raise OSError(message)

    monkeypatch.setattr(client, "log_model_artifacts", refuse)
    with pytest.raises(RegistryFailed, match="the champion is unchanged"):
        record("k1")
    monkeypatch.undo()
    assert record("k1").version == 1
    runs = client.search_runs([client.get_experiment_by_name(name).experiment_id])
    assert sorted(run.info.status for run in runs) == ["FAILED", "FINISHED"]


def test_any_mlflow_user_loads_the_model_and_gets_its_run(record: Record, mlflow_uri: str, name: str, client: Any) -> None:
    import mlflow

    made = record("k1")
    mlflow.set_tracking_uri(mlflow_uri)
    mlflow.set_registry_uri(mlflow_uri)
    booster = mlflow.xgboost.load_model(f"models:/{name}/1")
    assert booster.feature_names == FEATURES
    run = client.get_run(made.run_id)
    assert (run.data.metrics["auc"], run.data.params["max_depth"], run.data.tags["code_version"]) == (0.7, "2", "v")


def test_a_version_says_what_goes_in_and_comes_out_and_which_library_of_the_lock_reads_it(
    record: Record, mlflow_uri: str, name: str, tmp_path: Path
) -> None:
    import mlflow

    record("k1")
    mlflow.set_tracking_uri(mlflow_uri)
    mlflow.set_registry_uri(mlflow_uri)
    signature = mlflow.models.get_model_info(f"models:/{name}/1").signature
    assert [(one.name, one.type.name) for one in signature.inputs] == [(feature, "double") for feature in FEATURES]
    assert [one.type.name for one in signature.outputs] == ["float"]
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/1", dst_path=str(tmp_path)))
    needed = set((folder / "requirements.txt").read_text().split())
    locked = {line.split()[0] for line in (REPO_ROOT / "requirements.lock").read_text().splitlines() if "==" in line}
    assert needed <= locked, "MLflow adds its own"
    assert {one.partition("==")[0] for one in needed} == {"mlflow", "xgboost-cpu"}


def test_nothing_that_is_kept_of_a_version_is_a_pickle(
    record: Record, mlflow_uri: str, name: str, client: Any, tmp_path: Path
) -> None:
    import mlflow

    made = record("k1")
    mlflow.set_tracking_uri(mlflow_uri)
    mlflow.set_registry_uri(mlflow_uri)
    of_model = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/1", dst_path=str(tmp_path / "model")))
    of_run = Path(client.download_artifacts(made.run_id, "", str(tmp_path)))
    files = {path for folder in (of_model, of_run) for path in folder.rglob("*") if path.is_file()}
    assert {"model.ubj", "MLmodel", "roc.png"} <= {path.name for path in files}
    assert [path for path in files if path.read_bytes().startswith(PICKLES)] == []
    assert "pickle" not in (of_model / "MLmodel").read_text()


def test_a_version_carries_its_card(record: Record, runs: MlflowRuns, client: Any, name: str) -> None:
    made = record("k1")
    runs.describe(made, "# facts", {"gates.json": "[]"})
    assert client.get_model_version(name, "1").description == "# facts"
    long = "| a row |\n" * 1000
    runs.describe(made, long, {"gates.json": "[]", "model_card.md": long})
    told = client.get_model_version(name, "1").description
    assert 4900 < len(told) <= 5000, "PostgreSQL takes no more"
    assert told.endswith("| a row |\n\n… the rest is among its run's artifacts: model_card.md")
    assert [one.path for one in client.list_artifacts(made.run_id) if one.path == "gates.json"] == ["gates.json"]
