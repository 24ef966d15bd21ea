"""What differs between two training sets of the same days: rows, and columns of the rows that both have."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.errors import InvalidInput
from lakeloop.core.jobs import MatrixChangeJob
from lakeloop.core.lake import DATE_COLUMN, training
from lakeloop.core.reports import MatrixChangeReport, RowChange
from lakeloop.core.use_case import UseCase
from lakeloop.spark.tables import read_table

_NUMBER = "double"


def matrix_changes(job: MatrixChangeJob, spark: SparkSession, case: UseCase) -> MatrixChangeReport:
    """Values are compared to the last bit, null with null; a column that one lacks, or has as another type, differs in every row.

    Raises:
        InvalidInput: the rows of the two have other keys, so that none has a partner.
    """
    keys = [*case.entity, DATE_COLUMN]
    before = read_table(spark, job.repository, job.before, training(case.name)).alias("a")
    after = read_table(spark, job.repository, job.branch, training(case.name)).alias("b")
    _check(before, keys, case)
    both = before.join(after, [F.col(f"a.{key}").eqNullSafe(F.col(f"b.{key}")) for key in keys], "full")
    old, new = ({name: kind for name, kind in frame.dtypes if name not in keys} for frame in (before, after))
    alike = sorted(name for name in old.keys() & new.keys() if old[name] == new[name])
    differs = {name: ~F.col(f"a.{name}").eqNullSafe(F.col(f"b.{name}")) for name in alike}
    differs |= {name: F.lit(True) for name in sorted((old.keys() | new.keys()) - differs.keys())}
    gone, came = F.col(f"b.{keys[-1]}").isNull(), F.col(f"a.{keys[-1]}").isNull()
    shared = ~gone & ~came
    changed = F.greatest(*differs.values(), F.lit(False)) & shared
    numbers = [name for name in alike if old[name] == _NUMBER]
    apart = [F.max(F.when(shared, F.abs(F.col(f"a.{name}") - F.col(f"b.{name}")))).alias(f"_apart_{name}") for name in numbers]
    row = both.agg(
        F.count_if(came).alias("_added"), F.count_if(gone).alias("_removed"), F.count_if(changed).alias("_changed"),
        F.count_if(shared).alias("_shared"), *(F.count_if(each & shared).alias(name) for name, each in differs.items()), *apart,
    ).collect()[0]  # fmt: skip
    rows = RowChange(
        added=row["_added"], removed=row["_removed"], changed=row["_changed"], same=row["_shared"] - row["_changed"]
    )  # fmt: skip
    return MatrixChangeReport(
        rows=rows, columns={name: row[name] for name in differs if row[name]},
        largest={name: row[f"_apart_{name}"] for name in numbers if row[name] and row[f"_apart_{name}"] is not None},
    )  # fmt: skip


def _check(before: DataFrame, keys: list[str], case: UseCase) -> None:
    if missing := [key for key in keys if key not in before.columns]:
        message = (
            f"the rows of {case.name} are told apart by {', '.join(keys)} now, the recorded ones have no {', '.join(missing)}: "
            "none has a partner; nothing was compared"
        )
        raise InvalidInput(message)
