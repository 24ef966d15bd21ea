"""Parses the DAGs in an interpreter of its own where sockets and child processes are forbidden; prints what it saw as JSON."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path


def _forbidden(*_: object, **__: object) -> None:
    message = "no socket and no child process while a DAG file is parsed"
    raise AssertionError(message)


def main() -> None:
    """Parses twice: the first time pays for imports, as the dag-processor's long-lived parent does."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.serialized_objects import DagSerialization

    before = set(sys.modules)
    socket.socket.connect = _forbidden  # type: ignore[method-assign,assignment]
    subprocess.Popen.__init__ = _forbidden  # type: ignore[method-assign,assignment]
    os.fork = _forbidden  # type: ignore[assignment]
    folder = Path(sys.argv[1])
    bag = DagBag(dag_folder=str(folder), bundle_path=folder, bundle_name="dags-folder")
    seen = {
        "errors": bag.import_errors,
        "seconds": {stat.file: stat.duration.total_seconds() for stat in bag.dagbag_stats},
        "modules": sorted({name.partition(".")[0] for name in set(sys.modules) - before}),
        "hashes": {dag_id: SerializedDagModel.hash(DagSerialization.to_dict(dag)) for dag_id, dag in bag.dags.items()},
    }
    sys.stdout.write("\n" + json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()
