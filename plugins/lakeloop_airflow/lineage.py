"""Lineage as Airflow tells it: what a task's merges read and wrote, for OpenLineage's provider to send on."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any
from urllib.parse import SplitResult, urlsplit

from airflow.sdk import Asset
from airflow.sdk.lineage import get_hook_lineage_collector

from lakeloop.core.table_versions import TableVersion, made_by
from lakeloop.core.use_case import UseCase
from lakeloop.ports import Lake
from lakeloop_airflow.hooks.lakefs import LakeFSHook

_log = logging.getLogger(__name__)


def report(lake: Lake, case: UseCase, merges: dict[str, str]) -> None:
    """Hands the table versions behind a task's receipts (run key to commit) to Airflow's collector, which may not listen."""
    from lakeloop.steps.history import merged_as, receipt_on

    collector, source = get_hook_lineage_collector(), LakeFSHook()
    for run_key, commit in merges.items():
        receipt = receipt_on(lake, commit, run_key)
        made = made_by(receipt, commit, partial(merged_as, lake, case.name)) if receipt else None
        for one in made.inputs if made else ():
            collector.add_input_asset(source, uri=_uri(lake.repository, one), asset_extra=_extra(case, run_key, one))
        for one in made.outputs if made else ():
            collector.add_output_asset(source, uri=_uri(lake.repository, one), asset_extra=_extra(case, run_key, one))


def normalized(uri: SplitResult) -> SplitResult:
    """A `lakefs://<repository>/<commit>/<path>`, as lakeFS writes addresses.

    Raises:
        ValueError: a part of it is missing.
    """
    if not uri.netloc or uri.path.strip("/").count("/") < 1:
        message = f"{uri.geturl()!r} is not lakefs://<repository>/<commit>/<path>"
        raise ValueError(message)
    return uri


def dataset_of(asset: Asset, context: Any) -> Any:  # noqa: ARG001  # the provider calls every converter alike
    """The OpenLineage dataset of a table version: the repository is its namespace, the commit its version."""
    from openlineage.client.event_v2 import Dataset
    from openlineage.client.facet_v2 import dataset_version_dataset, schema_dataset

    parts = urlsplit(asset.uri)
    commit, _, path = parts.path.strip("/").partition("/")
    facets: dict[str, Any] = {"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=commit)}
    columns = asset.extra.get("columns")
    if isinstance(columns, dict):
        fields = [schema_dataset.SchemaDatasetFacetFields(name=str(name), type=str(kind)) for name, kind in columns.items()]
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields=fields)
    facets["lakeloop"] = _own_facet(asset.extra)
    return Dataset(namespace=f"lakefs://{parts.netloc}", name=path, facets=facets)


def _own_facet(extra: dict[str, Any]) -> Any:
    """What OpenLineage has no facet for: the receipt, and the data dates with their rows."""
    import attr
    from openlineage.client.generated.base import DatasetFacet

    @attr.define
    class LakeloopDatasetFacet(DatasetFacet):
        run_key: str = attr.field(default="")
        first_date: str = attr.field(default="")
        last_date: str = attr.field(default="")
        rows: int | None = attr.field(default=None)

    return LakeloopDatasetFacet(
        run_key=extra.get("run_key", ""), first_date=extra.get("first_date", ""), last_date=extra.get("last_date", ""),
        rows=extra.get("rows"),
    )  # fmt: skip


def _uri(repository: str, one: TableVersion) -> str:
    return f"lakefs://{repository}/{one.commit}/{one.path}"


def _extra(case: UseCase, run_key: str, one: TableVersion) -> dict[str, Any]:
    contract = next((table for table in case.tables if one.path == f"clean/{case.name}/{table.name}"), None)
    columns = {column.name: column.type for column in contract.columns} if contract else None
    dates = [day.isoformat() for day in one.dates]
    return {
        "run_key": run_key, "rows": one.rows, "columns": columns,
        "first_date": dates[0] if dates else "", "last_date": dates[-1] if dates else "",
    }  # fmt: skip
