"""What Airflow shows of us as a provider: the connection type lakeFS with its form, and addresses of the lake as datasets."""

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """The provider's description in Airflow's own schema; the package name must be that of the distribution."""
    return {
        "package-name": "lakeloop",
        "name": "lakeloop",
        "description": "Batch MLOps on a versioned lake",
        "connection-types": [
            {
                "connection-type": "lakefs",
                "hook-class-name": "lakeloop_airflow.hooks.lakefs.LakeFSHook",
                "hook-name": "lakeFS",
                "ui-field-behaviour": {
                    "hidden-fields": ["port", "extra"],
                    "relabeling": {
                        "host": "Endpoint URL",
                        "login": "Access key id",
                        "password": "Secret access key",
                        "schema": "Repository",
                    },
                    "placeholders": {"host": "http://127.0.0.1:8000", "schema": "lakeloop"},
                },
            }
        ],
        "asset-uris": [
            {
                "schemes": ["lakefs"],
                "handler": "lakeloop_airflow.lineage.normalized",
                "to_openlineage_converter": "lakeloop_airflow.lineage.dataset_of",
            }
        ],
    }
