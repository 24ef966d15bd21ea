"""Delta tables of the lake through Spark jobs: the Tables port of the platform itself."""

from collections.abc import Mapping, Sequence

from lakeloop.core.jobs import AppendJob, CopyJob, FingerprintJob, Slice, UpdateJob
from lakeloop.core.reports import Fingerprint, FingerprintReport
from lakeloop.ports import SparkRunner

Scalar = str | int | float | None


class JobTables:
    """Each call is one job on the one Spark; without slices there is nothing to run."""

    def __init__(self, runner: SparkRunner, repository: str, case: str) -> None:
        self._runner = runner
        self._repository = repository
        self._case = case

    def fingerprints(self, ref: str, slices: Sequence[Slice], without: Sequence[str] = ()) -> dict[tuple[str, str], Fingerprint]:
        """Count and order-free hash of each slice at a ref; an absent slice is absent."""
        if not slices:
            return {}
        report = self._runner.run(
            FingerprintJob(repository=self._repository, case=self._case, ref=ref, slices=tuple(slices), without=tuple(without))
        )
        assert isinstance(report, FingerprintReport)  # noqa: S101  a fingerprint job answers with nothing else
        return {(table, value): found for table, values in report.tables.items() for value, found in values.items()}

    def copy(self, source: str, branch: str, slices: Sequence[Slice], assign: Mapping[str, str] | None = None) -> None:
        """Make slices on the branch equal to the source's, absence included."""
        if slices:
            self._runner.run(
                CopyJob(
                    repository=self._repository,
                    case=self._case,
                    source=source,
                    branch=branch,
                    slices=tuple(slices),
                    assign=dict(assign or {}),
                )
            )

    def update(self, branch: str, slices: Sequence[Slice], column: str, value: str) -> None:
        """Set a column to a constant on slices."""
        if slices:
            self._runner.run(
                UpdateJob(
                    repository=self._repository, case=self._case, branch=branch, slices=tuple(slices), column=column, value=value
                )
            )

    def append(self, branch: str, table: str, rows: Sequence[Mapping[str, Scalar]]) -> None:
        """Append a few rows to a small table, creating it when absent."""
        if rows:
            self._runner.run(
                AppendJob(
                    repository=self._repository,
                    case=self._case,
                    branch=branch,
                    table=table,
                    rows=tuple(dict(row) for row in rows),
                )
            )
