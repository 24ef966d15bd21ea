"""Columns by name: what a file's names say against the contract's, in words that tell renamed from missing."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches

from lakeloop.adapters.file_inspector.file import File
from lakeloop.core.contract import TableContract
from lakeloop.core.errors import BadFile
from lakeloop.core.words import counted, quoted

_SHOWN = 5
_LIKE = 0.6  # similarity from which a name may be another one's new name


def has_any(contract: TableContract, names: Sequence[str]) -> bool:
    """Whether one of the names is a contract's column, however it is written."""
    return bool({_plain(column.name) for column in contract.columns} & set(map(_plain, names)))


def check_count(file: File, count: int) -> None:
    """Raise BadFile where there are more columns than anybody means."""
    if count > (most := file.contract.limits.columns):
        words = f"{file.name} has {count} columns, the contract's limit is {most}"
        raise BadFile(words, "file_limits", "deliver the columns that the contract names")


def column_fault(file: File, names: Sequence[str], where: str) -> BadFile:
    """What is wrong with names that do not fit."""
    words = f"{where} does not bring the columns of {file.contract.name}: {'; '.join(_differences(file, names))}"
    return BadFile(words, "header", "deliver it with the contract's columns, or change the contract and count its version up")


def _differences(file: File, names: Sequence[str]) -> list[str]:
    """Each way in which names differ from the contract's, in a few words."""
    wanted = [column.name for column in file.contract.columns]
    doubled = [name for name, times in Counter(names).items() if times > 1 and name in wanted]
    needed = file.contract.needed(file.shape.format)
    absent = sorted((name for name in wanted if name not in names), key=lambda name: name not in needed)  # what is needed first
    meant = _meant(file.contract, names, absent)
    lost = [name for name in absent if name in needed and name not in meant]
    known = {*wanted, *(other for other, _ in meant.values())}
    strange = [str(number) for number, name in enumerate(names, 1) if name not in known]
    found = [f"{_few(list(map(quoted, doubled)))} more than once"] if doubled else []
    found += [words for _, words in meant.values()]
    found += [f"{_few(list(map(quoted, lost)))} missing"] if lost else []
    place = "" if file.shape.format == "jsonl" else f" (column {_few(strange)})"  # keys have no order to stand in
    return [*found, f"{counted(len(strange), 'name')} not in the contract{place}"] if strange else found


def _meant(contract: TableContract, names: Sequence[str], absent: Sequence[str]) -> dict[str, tuple[str, str]]:
    """By absent column the name that is meant for it, as far as one can tell, and words that say so; the first ones choose first.

    A column's own name written otherwise is found before any that is only like one.

    A name that the contract has not may be data: of a first row without a header, of a key that is somebody's name. Data is not
    repeated in a message. So a name is, where it is a column's own written otherwise, and where it is so like an absent one's
    that it is its new name: in a header that names half of the columns, of a table where none is personal.
    """
    wanted = {column.name for column in contract.columns}
    is_met = len(set(map(_plain, wanted)) & set(map(_plain, names))) * 2 >= len(wanted)
    may_be_data = not is_met or any(column.personal for column in contract.columns)
    extra = [name for name in dict.fromkeys(names) if name not in wanted]
    found: dict[str, tuple[str, str]] = {}
    for name in absent:
        if other := next((one for one in extra if _plain(one) == _plain(name)), None):
            found[name] = other, f"{quoted(other)} should be written {name}"
            extra.remove(other)
    for name in () if may_be_data else absent:
        if name not in found and (close := get_close_matches(name, extra, 1, _LIKE)):
            found[name] = close[0], f"{name} is missing, is it {quoted(close[0])}?"
            extra.remove(close[0])
    return found


def _few(words: Sequence[str]) -> str:
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return ", ".join(words[:_SHOWN]) + more


def _plain(name: str) -> str:
    """A name without case, blanks and invisible characters."""
    kept = (one for one in unicodedata.normalize("NFKC", name) if unicodedata.category(one)[0] not in "CZ")
    return "".join(kept).casefold()
