"""The inspector: one file after the other, each refused with its first fault in a sentence."""

from collections.abc import Callable, Mapping, Sequence

from lakeloop.adapters.file_inspector.csv_file import inspect_csv
from lakeloop.adapters.file_inspector.file import File
from lakeloop.adapters.file_inspector.json_lines import inspect_json_lines
from lakeloop.adapters.file_inspector.kinds import check_kind, declared
from lakeloop.adapters.file_inspector.parquet_apart import inspect_apart
from lakeloop.core.contract import TableContract
from lakeloop.core.errors import BadFile
from lakeloop.core.files import FileFormat, FileShape
from lakeloop.core.reports import Refusal
from lakeloop.ports import Inspection

_SHOWN = 3
_READERS: dict[FileFormat, Callable[[File], FileShape]] = {
    "csv": inspect_csv,
    "jsonl": inspect_json_lines,
    "parquet": inspect_apart,
}


class FileInspector:
    """ports.Inspector over bytes in memory; what is unpacked is looked at block by block."""

    def inspect(self, contract: TableContract, contents: Mapping[str, bytes], rows: Mapping[str, int]) -> Inspection:
        """Every file is looked at; the refusal names the first few that are bad."""
        shapes: list[FileShape] = []
        bad: list[BadFile] = []
        for name, content in contents.items():
            try:
                shapes.append(_inspected(contract, name, content, rows.get(name, 0)))
            except BadFile as error:
                bad.append(error)
        if bad:
            return Inspection(tuple(shapes), _refusal(bad))
        return Inspection(tuple(shapes), None if any(shape.rows for shape in shapes) else _without_rows(shapes))


def _inspected(contract: TableContract, name: str, content: bytes, rows: int) -> FileShape:
    file = File(contract, declared(contract, name), content, rows)
    check_kind(file)
    return _READERS[file.shape.format](file)


def _refusal(bad: Sequence[BadFile]) -> Refusal:
    more = f" and {len(bad) - _SHOWN} more files" if len(bad) > _SHOWN else ""
    return Refusal(code=bad[0].code, message=" ".join(map(str, bad[:_SHOWN])) + more)


def _without_rows(shapes: Sequence[FileShape]) -> Refusal:
    names = ", ".join(shape.name for shape in shapes[:_SHOWN])
    return Refusal(code="zero_rows", message=str(BadFile(f"{names} has no row", "zero_rows", "deliver it with its rows")))
