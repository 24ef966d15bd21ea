"""Deliveries from a folder: `<case>/<table>/<data date>/<k>/` with files and, written last, manifest.json."""

from lakeloop.adapters.folder_source.source import FolderSource

__all__ = ["FolderSource"]
