"""Addresses of the lake as OpenLineage datasets, through Airflow's own registry of providers."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.openlineage.utils.utils import translate_airflow_asset
from airflow.sdk import Asset

ADDRESS = "lakefs://lakeloop/4f2a/clean/flights/weather"


def test_a_table_version_is_a_dataset_with_its_commit_columns_and_rows() -> None:
    extra: dict[str, Any] = {"run_key": "k", "rows": 72, "columns": {"temp": "double"}, "first_date": "2013-07-02"}
    found = translate_airflow_asset(Asset(uri=ADDRESS, extra=extra), None)
    assert found is not None
    assert (found.namespace, found.name) == ("lakefs://lakeloop", "clean/flights/weather")
    assert found.facets is not None
    facets: dict[str, Any] = found.facets
    assert facets["version"].datasetVersion == "4f2a"
    assert [(field.name, field.type) for field in facets["schema"].fields] == [("temp", "double")]
    assert (facets["lakeloop"].rows, facets["lakeloop"].run_key, facets["lakeloop"].first_date) == (72, "k", "2013-07-02")


@pytest.mark.parametrize("address", ["lakefs://lakeloop/", "lakefs://lakeloop/4f2a"])
def test_an_address_without_commit_or_path_is_no_dataset(address: str) -> None:
    with pytest.raises(ValueError, match="not lakefs://<repository>/<commit>/<path>"):
        Asset(uri=address)
