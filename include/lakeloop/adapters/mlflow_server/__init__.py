"""MLflow behind two ports: where fits are written down, and which versions there are."""

from lakeloop.adapters.mlflow_server.registry import MlflowRegistry
from lakeloop.adapters.mlflow_server.runs import MlflowRuns

__all__ = ["MlflowRegistry", "MlflowRuns"]
