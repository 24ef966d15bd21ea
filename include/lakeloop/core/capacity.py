"""Whether a fit can run where it is asked to, said before it starts; pure."""

from lakeloop.core.errors import InvalidInput
from lakeloop.core.words import counted

_CELL = 4  # bytes of a float32
_COPIES = 7  # Spark's own doubles, the Arrow batch, pandas' copy, float and quantile matrix, gradients: measured, rounded up
_WORKER = 400 * 2**20  # a Python worker with xgboost in it


def bytes_needed(rows: int, features: int, workers: int) -> int:
    """What a distributed fit takes at its peak, over all workers together."""
    return rows * (features + 2) * _CELL * _COPIES + workers * _WORKER


def check_capacity(*, rows: int, features: int, workers: int, threads: int, cores: int, free: int) -> None:
    """Refuse what cannot run.

    Raises:
        InvalidInput: its workers have more threads than Spark has cores, which would wait for ever, or it takes too many bytes.
    """
    if workers * threads > cores:
        msg = (
            f"the model asks for {workers} workers of {counted(threads, 'thread')} and Spark has {counted(cores, 'core')}: "
            "the fit would wait for ever; nothing was fitted. Next: bring the stack up with LAKELOOP_SPARK_CORES at "
            "that, or leave `num_workers` out, which takes what there is"
        )
        raise InvalidInput(msg)
    needed = bytes_needed(rows, features, workers)
    if needed > free:
        msg = (
            f"fitting {rows:,} rows of {features} features takes about {needed / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are "
            "free where Spark runs; nothing was fitted. Next: fewer `training_days`, or more memory for it"
        )
        raise InvalidInput(msg)
