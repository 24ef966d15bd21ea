"""What a fit measured and what it learnt from, on its run's page in MLflow."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from lakeloop.ports import LearntFrom


def log_metrics(client: Any, run_id: str, metrics: Mapping[str, float], daily: Mapping[str, Mapping[date, float]]) -> None:
    """Figures of the whole, and those of each data date at its midnight in UTC."""
    from mlflow.entities import Metric

    now = int(datetime.now(UTC).timestamp() * 1000)
    rows = [Metric(name, value, now, 0) for name, value in metrics.items()]
    for name, values in daily.items():
        for step, (day, value) in enumerate(sorted(values.items())):
            rows.append(Metric(name, value, int(datetime.combine(day, time(), UTC).timestamp() * 1000), step))
    client.log_batch(run_id, metrics=rows)


def log_inputs(client: Any, run_id: str, learnt: Sequence[LearntFrom]) -> None:
    """The splits that a fit read, each with its address in the lake."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    client.log_inputs(
        run_id,
        [
            DatasetInput(
                Dataset(
                    name=each.name, digest=_digest(each), source_type="lakefs", source=json.dumps({"uri": each.uri}),
                    profile=json.dumps({"num_rows": each.rows}),
                ),
                [InputTag("mlflow.data.context", each.context)],
            )
            for each in learnt
        ],
    )  # fmt: skip


def _digest(learnt: LearntFrom) -> str:
    """36 characters of the rows and of where they lie: MLflow takes equal names and digests for one dataset, with one source."""
    return f"{learnt.digest[:19]}-{hashlib.sha256(learnt.uri.encode()).hexdigest()[:16]}"
