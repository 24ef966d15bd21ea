"""Delta tables of the lake through delta-rs and DuckDB: the same port as Spark's, without a JVM."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from lakeloop.core.errors import LakeError, Unavailable
from lakeloop.core.jobs import Slice
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.reports import Fingerprint

Scalar = str | int | float | None

# The text of a row is JSON over its columns in order of name, nulls left out, so that a new column of nulls is no change;
# its md5 is summed in two halves, so order does not matter.
_FINGERPRINT = """
SELECT slice, count(*),
       sum(md5_number_upper(line))::HUGEINT % 18446744073709551616,
       sum(md5_number_lower(line))::HUGEINT % 18446744073709551616
FROM (SELECT "{column}"::VARCHAR AS slice, json_merge_patch('{{}}', to_json(struct_pack({packed})))::VARCHAR AS line FROM rows)
GROUP BY slice
"""


class DeltaRsTables:
    """The Tables port for small tables: tests of the protocol, and readers who bring no Spark."""

    def __init__(self, endpoint: str, access_key_id: str, secret: str, repository: str) -> None:
        self._repository = repository
        self._options = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": access_key_id,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
            "connect_timeout": "5s",
            "timeout": "60s",
        }

    def fingerprints(self, ref: str, slices: Sequence[Slice], without: Sequence[str] = ()) -> dict[tuple[str, str], Fingerprint]:
        """Count and order-free hash of each slice at a ref; an absent slice is absent."""
        found: dict[tuple[str, str], Fingerprint] = {}
        for each in _joined(slices):
            rows = self._rows(ref, each)
            if rows is not None:
                found |= {(each.table, value): print_ for value, print_ in _fingerprints(rows, each.column, without).items()}
        return found

    def copy(self, source: str, branch: str, slices: Sequence[Slice], assign: Mapping[str, str] | None = None) -> None:
        """Make slices on the branch equal to the source's, absence included."""
        for each in _joined(slices):
            rows = self._rows(source, each)
            with self._told(f"copying {each.table} from {source} to {branch}"):
                self._replace(branch, each, rows if rows is None else _assigned(rows, assign or {}), source)

    def replace(self, branch: str, each: Slice, rows: Any) -> None:
        """Put rows in the place of a slice; a table that is not there is made, partitioned by the slice's column."""
        with self._told(f"writing {each.table} on {branch}"):
            self._replace(branch, each, rows, branch)

    def update(self, branch: str, slices: Sequence[Slice], column: str, value: str) -> None:
        """Set a column to a constant on slices; an absent table has none."""
        for each in _joined(slices):
            with self._told(f"updating {column} of {each.table} on {branch}"):
                table = self._table(branch, each.table)
                if table is not None:
                    table.update(predicate=_predicate(table, each), updates={column: _quoted(value)})

    def append(self, branch: str, table: str, rows: Sequence[Mapping[str, Scalar]]) -> None:
        """Append a few rows to a small table, creating it when absent."""
        from deltalake import write_deltalake

        if not rows:
            return
        with self._told(f"appending to {table} on {branch}"):
            there = self._table(branch, table)
            arrow = _typed(rows, None if there is None else there.to_pyarrow_dataset().schema)
            write_deltalake(
                self._uri(branch, table),
                arrow,
                mode="append",
                schema_mode=None if there is None else "merge",
                storage_options=self._options,
            )

    def files(self, ref: str, table: str) -> frozenset[str]:
        """What the newest version at a ref holds, by path below the table; nothing for an absent table."""
        with self._told(f"reading {table} at {ref}"):
            there, folder = self._table(ref, table), f"{self._uri(ref, table)}/"
            return frozenset(uri.removeprefix(folder) for uri in there.file_uris()) if there else frozenset()

    def drop(self, branch: str, piece: Slice) -> None:
        """Take a slice of whole partitions out of a table by one entry of its log that does nothing else."""
        from deltalake import PostCommitHookProperties

        entry_only = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
        with self._told(f"removing from {piece.table} on {branch}"):
            if table := self._table(branch, piece.table):
                table.delete(_predicate(table, piece), post_commithook_properties=entry_only)

    def _replace(self, branch: str, each: Slice, rows: Any | None, source: str) -> None:
        from deltalake import write_deltalake

        target = self._table(branch, each.table)
        if rows is None or rows.num_rows == 0:
            if target is not None:
                target.delete(_predicate(target, each))
        elif target is None:
            origin = self._table(source, each.table)
            partitions = origin.metadata().partition_columns if origin else [each.column]
            write_deltalake(self._uri(branch, each.table), rows, partition_by=partitions, storage_options=self._options)
        else:
            write_deltalake(target, rows, mode="overwrite", predicate=_predicate(target, each), schema_mode="merge")

    def _rows(self, ref: str, each: Slice) -> Any | None:
        import pyarrow as pa
        import pyarrow.dataset as ds

        with self._told(f"reading {each.table} at {ref}"):
            table = self._table(ref, each.table)
            if table is None:
                return None
            is_partition = each.column in table.metadata().partition_columns
            dataset = table.to_pyarrow_dataset(partitions=[(each.column, "in", list(each.values))] if is_partition else None)
            kind = dataset.schema.field(each.column).type
            asked = ds.field(each.column).isin(pa.array(each.values).cast(kind))
            if each.dates:
                asked &= ds.field(DATE_COLUMN).isin(pa.array(each.dates))
            return dataset.to_table(filter=asked)

    def _table(self, ref: str, table: str) -> Any | None:
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        try:
            return DeltaTable(self._uri(ref, table), storage_options=self._options)
        except TableNotFoundError:
            return None

    def _uri(self, ref: str, table: str) -> str:
        return f"s3://{self._repository}/{ref}/{table}"

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        from deltalake.exceptions import DeltaError

        try:
            yield
        except DeltaError as error:
            message = f"{doing} in {self._repository} failed, the branch may hold half of it and is not to be committed: {error}"
            raise LakeError(message) from error
        except OSError as error:
            message = f"the lake did not answer while {doing} in {self._repository}; discard the branch and try again: {error}"
            raise Unavailable(message) from error


def _joined(slices: Sequence[Slice]) -> list[Slice]:
    values: dict[tuple[str, str, tuple[date, ...]], dict[str, None]] = defaultdict(dict)
    for each in slices:
        values[each.table, each.column, each.dates].update(dict.fromkeys(each.values))
    return [
        Slice(table=table, column=column, values=tuple(found), dates=dates)
        for (table, column, dates), found in values.items() if found
    ]  # fmt: skip


def _fingerprints(rows: Any, column: str, without: Sequence[str]) -> dict[str, Fingerprint]:
    import duckdb

    names = [name for name in sorted(rows.column_names) if name not in without]
    packed = ", ".join(f'"{name}" := "{name}"' for name in names)
    with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as connection:
        connection.register("rows", _without_zones(rows))
        found = connection.execute(_FINGERPRINT.format(column=column, packed=packed)).fetchall()
    return {value: Fingerprint(rows=count, hash=f"{upper:016x}{lower:016x}") for value, count, upper, lower in found}


def _without_zones(rows: Any) -> Any:
    import pyarrow as pa

    for at, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type):  # DuckDB writes zoned times as text only with an extension
            rows = rows.set_column(at, field.name, rows.column(at).cast(pa.timestamp("us", "UTC")).cast(pa.int64()))
    return rows


def _assigned(rows: Any, assign: Mapping[str, str]) -> Any:
    import pyarrow as pa

    for column, value in assign.items():
        at = rows.schema.get_field_index(column)
        kind = rows.schema.field(at).type
        rows = rows.set_column(at, rows.schema.field(at), pa.array([value] * rows.num_rows).cast(kind))
    return rows


def _predicate(table: Any, each: Slice) -> str:
    kind = next(str(field.type.type) for field in table.schema().fields if field.name == each.column)
    literals = [f"DATE {_quoted(value)}" if kind == "date" else _quoted(value) for value in each.values]
    asked = " OR ".join(f"{each.column} = {literal}" for literal in literals)
    dates = " OR ".join(f"{DATE_COLUMN} = DATE '{day}'" for day in each.dates)
    return f"({asked}) AND ({dates})" if dates else asked


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _typed(rows: Sequence[Mapping[str, Scalar]], there: Any | None) -> Any:
    import pyarrow as pa

    names = list(dict.fromkeys(name for row in rows for name in row))
    arrays = {}
    for name in names:
        values = [row.get(name) for row in rows]
        known = there.field(name).type if there is not None and name in there.names else None
        array = pa.array(values) if known is None else _cast(values, known)
        arrays[name] = array.cast(pa.string()) if pa.types.is_null(array.type) else array
    return pa.table(arrays)


def _cast(values: Sequence[Scalar], kind: Any) -> Any:
    import pyarrow as pa

    array = pa.array(values)
    return array if array.type == kind else array.cast(kind)
