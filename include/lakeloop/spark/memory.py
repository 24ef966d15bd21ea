"""Memory that is left where Spark's Python workers run, which need not be where the client runs."""

from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
from pyspark.sql import SparkSession

from lakeloop.core.memory import FILES, GROUPS, MACHINE, ROOTS, free_bytes


def free_on_server(spark: SparkSession) -> int:
    """Bytes, by one worker of a server that is one process; a job of one row."""
    found = spark.range(0, 1, 1, 1).mapInArrow(_reader(MACHINE, GROUPS, ROOTS, FILES), "path string, text string").collect()
    return free_bytes({row["path"]: row["text"] for row in found})


def _reader(
    machine: str, groups: str, roots: dict[str, str], names: tuple[str, ...]
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # by value and with its own imports: a worker need not have this package
        from pathlib import Path

        import pyarrow as arrow

        def told(path: Path) -> str:
            try:
                return path.read_text()
            except OSError:  # a group may be gone by now, or closed to us: nothing is known of it
                return ""

        paths = [Path(machine)]
        for line in told(Path(groups)).splitlines():
            _, controllers, place = line.split(":", 2)
            root = next((roots[one] for one in controllers.split(",") if one in roots), None)
            if root is not None:  # the place is the machine's where the container does not see its own: then the root is its
                folder = Path(root + place)
                within = [one for one in (folder, *folder.parents) if one.is_relative_to(root)]
                paths += [one / name for one in within for name in names]
        texts = {str(path): text for path in paths if (text := told(path))}
        for _ in batches:
            yield arrow.RecordBatch.from_pydict({"path": list(texts), "text": list(texts.values())})

    return read
