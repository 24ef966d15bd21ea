"""Columns by name: what a file's names say against the contract's, in words that tell renamed from missing."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches

from lakeloop.adapters.file_inspector.file import File
from lakeloop.core.contract import TableContract
from lakeloop.core.errors import BadFile
from lakeloop.core.words import counted

_SHOWN, _LONGEST = 5, 60
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
    words = f"{where} does not bring the columns of {file.contract.name}: {'; '.join(differences(file.contract, names))}"
    return BadFile(words, "header", "deliver it with the contract's columns, or change the contract and count its version up")


def differences(contract: TableContract, names: Sequence[str]) -> list[str]:
    """Each way in which names differ from the contract's, in a few words."""
    wanted = [column.name for column in contract.columns]
    is_met = len({_plain(name) for name in wanted} & set(map(_plain, names))) * 2 >= len(wanted)
    may_be_data = not is_met or any(column.personal for column in contract.columns)  # and data is not repeated
    doubled = [name for name, times in Counter(names).items() if times > 1 and (name in wanted or not may_be_data)]
    extra = [name for name in dict.fromkeys(names) if name not in wanted]
    missing = [column.name for column in contract.columns if column.name not in names and not column.may_be_absent]
    found = [f"{shown(doubled)} more than once"] if doubled else []
    for name in list(missing):
        other = next((one for one in extra if _plain(one) == _plain(name)), None)
        close = [] if may_be_data else get_close_matches(name, extra, 1, _LIKE)
        if other is not None:
            found.append(f"{_quoted(other)} should be written {name}")
        elif close:
            found.append(f"{name} is missing, is it {_quoted(close[0])}?")
        else:
            continue
        missing.remove(name)
        extra.remove(other if other is not None else close[0])
    found += [f"{shown(missing)} missing"] if missing else []
    if extra and may_be_data:
        return [*found, f"{counted(len(extra), 'name')} not in the contract"]
    return [*found, f"{shown(extra)} not in the contract"] if extra else found


def shown(names: Sequence[str]) -> str:
    """The first few names, as one can read them."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(_quoted, names[:_SHOWN])) + more


def _quoted(name: str) -> str:
    """A stranger's name: what is invisible in it is spelt out."""
    return ascii(name[:_LONGEST]) if not name.isprintable() else repr(name[:_LONGEST])


def _plain(name: str) -> str:
    """A name without case, blanks and invisible characters."""
    kept = (one for one in unicodedata.normalize("NFKC", name) if unicodedata.category(one)[0] not in "CZ")
    return "".join(kept).casefold()
