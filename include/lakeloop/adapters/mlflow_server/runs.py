"""Training runs in MLflow: open while the fit runs, failed when it fails, and one version a piece of work."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from lakeloop.adapters.mlflow_server.client import asked_once, check_digest, client_of, failing
from lakeloop.adapters.mlflow_server.measures import log_inputs, log_metrics
from lakeloop.adapters.mlflow_server.trials import log_trial
from lakeloop.adapters.mlflow_server.versions import first_version, pending_models, register, shortened, unjudged, upload
from lakeloop.core.retraining import Cause
from lakeloop.core.tuning import Trial
from lakeloop.ports import LearntFrom, ModelVersion, OpenRun, Pictures

_EVERY = 2  # seconds between two looks at processor, memory and disk
_FAILURE, _WORDS = "failure", 4000  # a tag of a failed run, and its longest words
_OURS = {"run_key", "tuning_of"}  # one of these tags is on everything that the platform writes down
_LEFT = "its try ended without a word: it was killed, or MLflow did not answer; a later try took the work up"


class MlflowRuns:
    """Runs on one MLflow server, told apart by their run key; every failure is RegistryFailed."""

    def __init__(self, tracking_uri: str) -> None:
        self._uri = tracking_uri

    @property
    def _client(self) -> Any:
        return client_of(self._uri)

    def made(self, model: str, run_key: str) -> ModelVersion | None:
        """The version of this run key; its run is finished where the try that made it could not say so."""
        with failing(self._uri, f"looking for the version of {model} ({run_key[:12]})"):
            version = first_version(self._client, model, run_key)
            if version and version.run_id:
                self._finish(version.run_id)
            return version

    def causes(self, model: str, besides: str = "") -> list[Cause]:
        """The causes of the model's finished runs, one a run, leaving out what Airflow's run `besides` made.

        A run whose version no gate has judged answered nothing yet: MLflow or the lake was gone when its turn came.
        """
        with failing(self._uri, f"looking for what {model} was trained for"):
            found = self._client.get_experiment_by_name(model)
            query = "attributes.status = 'FINISHED' AND tags.`cause` LIKE '%'"  # the newest thousand trainings: decades
            runs = self._client.search_runs([found.experiment_id], query) if found else []
            ours = [one.data.tags for one in runs if not besides or one.data.tags.get("airflow_run_id") != besides]
            waiting = unjudged(self._client, model)
            return [Cause(tags["cause"], tags.get("run_key") not in waiting) for tags in ours]

    @contextmanager
    def running(self, model: str, run_key: str, params: Mapping[str, str], tags: Mapping[str, str]) -> Iterator[str]:
        """An open run (its id) with the machine's figures; FAILED with the error's words when the block raises."""
        with self._open(f"{model}-{run_key[:12]}", model, {**tags, "run_key": run_key}, params) as run_id:
            yield run_id

    @contextmanager
    def tuning(self, model: str, run_key: str, params: Mapping[str, str], tags: Mapping[str, str]) -> Iterator[str]:
        """An open run (its id) that the runs of its trials stand below."""
        with self._open(f"{model}-{run_key[:12]}-tuning", model, {**tags, "run_key": run_key}, params) as run_id:
            yield run_id

    def tried(self, parent: str, trial: Trial, metric: str) -> None:
        """A trial that ended, as a run below its parent."""
        with failing(self._uri, f"writing down trial {trial.number} of run {parent}"):
            log_trial(self._client, parent, trial, metric)

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Tags of a run."""
        with failing(self._uri, f"tagging run {run_id}"):
            for name, value in tags.items():
                self._client.set_tag(run_id, name, value[:_WORDS])

    @contextmanager
    def _open(self, name: str, model: str, tags: Mapping[str, str], params: Mapping[str, str]) -> Iterator[str]:
        with failing(self._uri, f"opening run {name}"):
            run_id = self._new_run(name, model, tags, params)
        try:
            with self._watched(run_id):
                yield run_id
        except BaseException as error:
            with suppress(Exception):  # the error that counts is the one under way
                self._client.set_tag(run_id, _FAILURE, f"{type(error).__name__}: {error}"[:_WORDS])
                self._client.set_terminated(run_id, "FAILED")
            raise
        with failing(self._uri, f"closing run {run_id} ({name})"):
            self._client.set_terminated(run_id, "FINISHED")

    def record(
        self,
        run_id: str,
        *,
        model: str,
        model_file: str,
        sha256: str,
        metrics: Mapping[str, float],
        daily: Mapping[str, Mapping[date, float]],
        learnt: Sequence[LearntFrom],
        pictures: Pictures,
        tags: Mapping[str, str],
    ) -> ModelVersion:
        """Log what was measured, and register the UBJ file; the version made before where there is one."""
        run_key = tags["run_key"]
        with failing(self._uri, f"recording {model} ({run_key[:12]})"):
            check_digest(Path(model_file), sha256)
            log_metrics(self._client, run_id, metrics, daily)
            log_inputs(self._client, run_id, learnt)
            with tempfile.TemporaryDirectory() as folder:
                _draw(Path(folder), pictures)
                self._client.log_artifacts(run_id, folder, "pictures")
            named = {**tags, "sha256": sha256}
            model_id = upload(self._client, run_id, model_file, sha256, named)
            return register(self._client, model, run_id, model_id, named)

    def unended(self, model: str) -> list[OpenRun]:
        """The platform's own runs of a model that are open, oldest first; a stranger's are left out."""
        with failing(self._uri, f"looking for open runs of {model}"):
            found = self._client.get_experiment_by_name(model)
            runs = self._client.search_runs([found.experiment_id], "attributes.status = 'RUNNING'") if found else []
            ours = [_open(run) for run in runs if _OURS & set(run.data.tags)]
            return sorted(ours, key=lambda each: each.started)

    def close(self, model: str, run_id: str, why: str) -> bool:
        """End a run that is still open: FINISHED where it made a version, else KILLED with the reason in its tag."""
        with failing(self._uri, f"closing run {run_id} of {model}"):
            run = self._client.get_run(run_id)
            if run.info.status != "RUNNING":
                return False
            made = first_version(self._client, model, run.data.tags.get("run_key", ""))
            if made and made.run_id == run_id:
                self._finish(run_id)
            else:
                self._kill(run_id, why)
            return True

    def fail_unfinished(self, model: str, why: str) -> list[str]:
        """PENDING models of the platform's own runs that are over become FAILED."""
        with failing(self._uri, f"looking for half uploaded models of {model}"):
            left = [
                one.model_id
                for one in pending_models(self._client, model)
                if _OURS & set(one.tags) and self._is_over(one.source_run_id)
            ]
            for model_id in left:
                self._client.set_logged_model_tags(model_id, {_FAILURE: why})
                self._client.finalize_logged_model(model_id, "FAILED")
            return left

    def describe(self, version: ModelVersion, words: str, files: Mapping[str, str]) -> None:
        """A version's description (Markdown, as its page shows it), and small text files beside its run's artifacts."""
        with failing(self._uri, f"describing {version.name} version {version.version}"):
            self._client.update_model_version(version.name, str(version.version), description=shortened(words, files))
            for name, text in files.items():
                self._client.log_text(version.run_id, text, name)

    def _finish(self, run_id: str) -> None:
        """A run with a version went to its end, whatever its try could not say any more."""
        run = self._client.get_run(run_id)
        if run.info.status != "FINISHED":
            self._client.set_terminated(run_id, "FINISHED")
            if _FAILURE in run.data.tags:
                self._client.delete_tag(run_id, _FAILURE)

    def _kill(self, run_id: str, why: str) -> None:
        self._client.set_tag(run_id, _FAILURE, why)
        self._client.set_terminated(run_id, "KILLED")

    def _is_over(self, run_id: str) -> bool:
        return bool(self._client.get_run(run_id).info.status != "RUNNING")

    @contextmanager
    def _watched(self, run_id: str) -> Iterator[None]:
        """System metrics of this machine while the block runs; MLflow's own monitor, whose failures it logs itself."""
        from mlflow.system_metrics import system_metrics_monitor

        untyped: Any = system_metrics_monitor
        monitor = untyped.SystemMetricsMonitor(run_id, sampling_interval=_EVERY, samples_before_logging=2, tracking_uri=self._uri)
        monitor.start()
        try:
            yield
        finally:
            monitor.finish()

    def _new_run(self, name: str, model: str, tags: Mapping[str, str], params: Mapping[str, str]) -> str:
        """A run in the model's experiment; unfinished runs of this run key are closed, and say why."""
        from mlflow.entities import Param

        experiment = self._experiment(model)
        query = f"tags.`run_key` = '{tags['run_key']}' AND attributes.status = 'RUNNING'"
        for left in self._client.search_runs([experiment], query):
            self._kill(left.info.run_id, _LEFT)
        with asked_once():
            made = self._client.create_run(experiment, tags=dict(tags), run_name=name)
        run_id = str(made.info.run_id)
        self._client.log_batch(run_id, params=[Param(key, value) for key, value in params.items()])
        return run_id

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self._client.create_experiment(name))
            except MlflowException:  # somebody else was faster, or the answer was lost
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)


def _open(run: Any) -> OpenRun:
    tags, started = run.data.tags, datetime.fromtimestamp(run.info.start_time / 1000, UTC)
    return OpenRun(str(run.info.run_id), str(run.info.run_name), tags.get("airflow_run_id", ""), started)


def _draw(folder: Path, pictures: Pictures) -> None:
    from lakeloop.adapters.mlflow_server.pictures import draw

    draw(folder, pictures)
