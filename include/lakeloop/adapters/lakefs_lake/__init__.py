"""The one lakeFS client."""

from lakeloop.adapters.lakefs_lake.lake import LakeFSLake

__all__ = ["LakeFSLake"]
