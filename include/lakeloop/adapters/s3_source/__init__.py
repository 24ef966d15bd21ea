"""Deliveries from an S3 bucket: `<prefix>/<case>/<table>/<data date>/<k>/` with files and, written last, manifest.json."""

from lakeloop.adapters.s3_source.source import S3Source

__all__ = ["S3Source"]
