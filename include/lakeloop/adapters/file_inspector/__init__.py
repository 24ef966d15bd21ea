"""Looks at delivered files before Spark does: what they are, whether they are whole, and whose columns they bring."""

from lakeloop.adapters.file_inspector.inspector import FileInspector

__all__ = ["FileInspector"]
