"""JSON lines under inspection: what keys they use together; a line that is no object is a row's fault."""

import json

from lakeloop.adapters.file_inspector.columns import check_count, column_fault
from lakeloop.adapters.file_inspector.file import File
from lakeloop.adapters.file_inspector.text import BLANK, Block, sound_blocks
from lakeloop.core.errors import BadFile
from lakeloop.core.files import FileShape


def inspect_json_lines(file: File) -> FileShape:
    """The shape of a JSON lines file that a reader may open."""
    rows, is_nfc, keys, first = 0, True, dict[str, int](), b""
    for block in sound_blocks(file):
        _gather(file, block, keys)
        first = first or block.content.lstrip(BLANK)[:1]
        rows += block.rows
        is_nfc &= block.is_nfc and b"\\u" not in block.content  # what is escaped may be in any form
    if rows and not keys:
        like = ": it looks like one JSON array" if first == b"[" else ""
        words = f"{file.name} is declared as JSON lines and no line of it is an object{like}"
        raise BadFile(words, "wrong_kind", "deliver one JSON object a line")
    if rows and not file.contract.brings(list(keys), file.shape.format):
        known = {column.name for column in file.contract.columns}
        line = next((line for key, line in keys.items() if key not in known), None)
        raise column_fault(file, list(keys), f"{file.name} line {line}" if line else file.name)
    file.check_rows(rows)
    return file.shape.model_copy(update={"rows": rows, "is_nfc": is_nfc})


def _gather(file: File, block: Block, keys: dict[str, int]) -> None:
    """Add to the keys those of the block's objects, each with the line where it came first."""
    for number, line in enumerate(block.content.split(b"\n"), block.first_line):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and not record.keys() <= keys.keys():
            for key in record:
                keys.setdefault(key, number)
            check_count(file, len(keys))
