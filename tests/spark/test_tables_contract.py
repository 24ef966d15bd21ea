"""The Tables port behaves alike through Spark jobs and through delta-rs: the same cases against both."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakeloop.adapters.delta_tables import DeltaRsTables
from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.adapters.spark_tables import JobTables
from lakeloop.core.jobs import Slice
from lakeloop.ports import Tables
from lakeloop.settings import Settings
from lakeloop.spark.connect import ConnectRunner

TABLE = "clean/tiny/shops"
FIRST, SECOND, THIRD = "2024-01-01", "2024-01-02", "2024-01-03"
NewBranch = Callable[[], str]


def slice_of(*days: str) -> list[Slice]:
    return [Slice(table=TABLE, values=days)]


@pytest.fixture(params=["spark", "delta-rs"])
def tables(request: pytest.FixtureRequest, stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner) -> Tables:
    if request.param == "spark":
        return JobTables(runner, shared_lake.repository, "use_cases.tiny:TINY")
    secret = stack.lakefs_secret_access_key.get_secret_value()
    return DeltaRsTables(stack.lakefs_endpoint, stack.lakefs_access_key_id, secret, shared_lake.repository)


@pytest.fixture
def storage(stack: Settings) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": stack.lakefs_endpoint,
        "AWS_ACCESS_KEY_ID": stack.lakefs_access_key_id,
        "AWS_SECRET_ACCESS_KEY": stack.lakefs_secret_access_key.get_secret_value(),
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }


@pytest.fixture
def new_branch(shared_lake: LakeFSLake) -> NewBranch:
    def create() -> str:
        name = f"b{uuid.uuid4().hex[:10]}"
        shared_lake.create_branch(name, "main")
        return name

    return create


@pytest.fixture
def source(shared_lake: LakeFSLake, new_branch: NewBranch, storage: dict[str, str]) -> str:
    """A commit with two dates of a partitioned table."""
    branch = new_branch()
    rows = pa.table({
        "shop": ["a", "b", "c"],
        "sales": [1.5, None, 3.0],
        "visits": pa.array([1, 2, 3], pa.int64()),
        "delivered_at": pa.array([datetime(2024, 1, 1, tzinfo=UTC)] * 3, pa.timestamp("us", "UTC")),
        "trust": ["candidate"] * 3,
        "data_date": [date(2024, 1, 1), date(2024, 1, 1), date(2024, 1, 2)],
    })  # fmt: skip
    uri = f"s3://{shared_lake.repository}/{branch}/{TABLE}"
    write_deltalake(uri, rows, partition_by=["data_date"], storage_options=storage)
    return shared_lake.commit(branch, "rows", {})


def test_fingerprints_count_the_rows_of_each_slice_and_leave_out_what_is_absent(tables: Tables, source: str) -> None:
    found = tables.fingerprints(source, slice_of(FIRST, SECOND, THIRD))
    assert {key: one.rows for key, one in found.items()} == {(TABLE, FIRST): 2, (TABLE, SECOND): 1}
    assert all(len(one.hash) == 32 for one in found.values())
    assert tables.fingerprints("main", slice_of(FIRST)) == {}


def test_a_copy_is_equal_partitioned_as_its_source_and_leaves_other_slices_alone(
    tables: Tables, source: str, new_branch: NewBranch, shared_lake: LakeFSLake, storage: dict[str, str]
) -> None:
    branch = new_branch()
    tables.copy(source, branch, slice_of(FIRST))
    assert tables.fingerprints(branch, slice_of(FIRST, SECOND)) == tables.fingerprints(source, slice_of(FIRST))
    tables.copy(source, branch, slice_of(SECOND))
    assert tables.fingerprints(branch, slice_of(FIRST, SECOND)) == tables.fingerprints(source, slice_of(FIRST, SECOND))
    made = DeltaTable(f"s3://{shared_lake.repository}/{branch}/{TABLE}", storage_options=storage)
    assert made.metadata().partition_columns == ["data_date"]


def test_of_a_slice_with_dates_only_their_rows_are_copied(
    tables: Tables, source: str, new_branch: NewBranch, shared_lake: LakeFSLake
) -> None:
    branch = new_branch()
    first, rest = (
        Slice(table=TABLE, column="trust", values=("candidate",), dates=days)
        for days in ((date(2024, 1, 1),), (date(2024, 1, 2), date(2024, 1, 3)))
    )
    for at, each in enumerate((first, rest), start=1):  # onto no table, and beside rows of another date
        tables.copy(source, branch, [each])
        was, now = (tables.fingerprints(ref, slice_of(FIRST, SECOND)) for ref in (source, branch))
        assert now == {key: was[key] for key in [(TABLE, FIRST), (TABLE, SECOND)][:at]}
        assert tables.fingerprints(branch, [each]) == tables.fingerprints(source, [each])
    tables.copy("main", branch, [rest])
    assert tables.fingerprints(branch, slice_of(FIRST, SECOND)).keys() == {(TABLE, FIRST)}
    assert len(list(shared_lake.list(branch, f"{TABLE}/data_date="))) == 2, "or another date's rows were written again"


def test_absence_is_copied_from_an_absent_table_and_from_an_absent_slice(
    tables: Tables, source: str, new_branch: NewBranch
) -> None:
    branch, lacking = new_branch(), new_branch()
    tables.copy("main", branch, slice_of(FIRST))
    assert tables.fingerprints(branch, slice_of(FIRST)) == {}
    tables.copy(source, branch, slice_of(FIRST))
    tables.copy(source, lacking, slice_of(SECOND))
    tables.copy(lacking, branch, slice_of(FIRST, SECOND))
    assert tables.fingerprints(branch, slice_of(FIRST, SECOND)) == tables.fingerprints(source, slice_of(SECOND))
    tables.copy("main", branch, slice_of(SECOND))
    assert tables.fingerprints(branch, slice_of(FIRST, SECOND)) == {}


def test_an_assigned_or_updated_column_differs_on_its_slice_and_nothing_else(
    tables: Tables, source: str, new_branch: NewBranch
) -> None:
    updated, assigned, was = new_branch(), new_branch(), tables.fingerprints(source, slice_of(FIRST, SECOND))
    tables.copy(source, updated, slice_of(FIRST, SECOND))
    tables.update(updated, slice_of(FIRST), "trust", "it's recalled")
    tables.copy(source, assigned, slice_of(FIRST), {"trust": "it's recalled"})
    found = tables.fingerprints(updated, slice_of(FIRST, SECOND))
    assert found[TABLE, SECOND] == was[TABLE, SECOND]
    assert found[TABLE, FIRST] != was[TABLE, FIRST]
    assert found[TABLE, FIRST] == tables.fingerprints(assigned, slice_of(FIRST))[TABLE, FIRST]
    assert tables.fingerprints(updated, slice_of(FIRST), ["trust"]) == tables.fingerprints(source, slice_of(FIRST), ["trust"])


def test_a_moment_is_assigned_as_it_is_written(
    tables: Tables, source: str, new_branch: NewBranch, shared_lake: LakeFSLake, storage: dict[str, str]
) -> None:
    branch = new_branch()
    tables.copy(source, branch, slice_of(FIRST), {"delivered_at": "2023-12-31T20:00:00.000001+00:00"})
    was, now = (tables.fingerprints(ref, slice_of(FIRST), ["delivered_at"]) for ref in (source, branch))
    assert was == now
    held = DeltaTable(f"s3://{shared_lake.repository}/{branch}/{TABLE}", storage_options=storage).to_pyarrow_table()
    assert set(held["delivered_at"].to_pylist()) == {datetime(2023, 12, 31, 20, 0, 0, 1, tzinfo=UTC)}


def test_an_update_of_a_table_that_is_not_there_does_nothing(
    tables: Tables, new_branch: NewBranch, shared_lake: LakeFSLake
) -> None:
    branch = new_branch()
    tables.update(branch, slice_of(FIRST), "trust", "recalled")
    assert list(shared_lake.uncommitted(branch)) == []


def test_rows_are_appended_to_a_table_that_grows_with_them(
    tables: Tables, new_branch: NewBranch, shared_lake: LakeFSLake, storage: dict[str, str]
) -> None:
    branch = new_branch()
    tables.append(branch, "watch/tiny/verdicts", [{"data_date": FIRST, "rows": 3, "share": None}])
    tables.append(branch, "watch/tiny/verdicts", [{"data_date": SECOND, "rows": 4, "share": None, "words": "a 'quoted' one"}])
    found = DeltaTable(f"s3://{shared_lake.repository}/{branch}/watch/tiny/verdicts", storage_options=storage)
    rows = sorted(found.to_pyarrow_table().to_pylist(), key=lambda row: row["data_date"])
    assert rows == [
        {"data_date": FIRST, "rows": 3, "share": None, "words": None},
        {"data_date": SECOND, "rows": 4, "share": None, "words": "a 'quoted' one"},
    ]


def test_work_without_slices_or_rows_touches_nothing(tables: Tables, new_branch: NewBranch, shared_lake: LakeFSLake) -> None:
    branch = new_branch()
    tables.copy("main", branch, [])
    tables.update(branch, [], "trust", "x")
    tables.append(branch, "watch/tiny/verdicts", [])
    assert tables.fingerprints(branch, []) == {}
    assert list(shared_lake.uncommitted(branch)) == []


def test_a_value_that_moves_to_a_column_that_was_null_changes_the_fingerprint(tables: Tables, new_branch: NewBranch) -> None:
    here, there = new_branch(), new_branch()
    tables.append(
        here, TABLE, [{"data_date": FIRST, "sales": 1.5, "costs": None}, {"data_date": SECOND, "sales": 2.5, "costs": 1.0}]
    )
    tables.append(
        there, TABLE, [{"data_date": FIRST, "sales": None, "costs": 1.5}, {"data_date": SECOND, "sales": 2.5, "costs": 1.0}]
    )
    ours, theirs = (tables.fingerprints(branch, slice_of(FIRST, SECOND)) for branch in (here, there))
    assert ours[TABLE, SECOND] == theirs[TABLE, SECOND]
    assert ours[TABLE, FIRST] != theirs[TABLE, FIRST]
