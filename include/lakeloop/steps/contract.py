"""The contract at write: kept with every data receipt, and compared with the one that main was written under."""

import ast
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import NamedTuple

from lakeloop.core.bounds import KEPT
from lakeloop.core.contract_change import CONTRACT, ContractBook, ContractChange, compare
from lakeloop.core.contract_use import touched
from lakeloop.core.errors import ConfigurationError, NotFound
from lakeloop.core.lake import evidence_path
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import DataReceipt
from lakeloop.core.use_case import UseCase
from lakeloop.ports import At, Lake

_LISTED = 5


def book_of(case: UseCase) -> ContractBook:
    """Today's contracts of a case."""
    return ContractBook(tables=case.tables)


def newest_book(lake: Lake, ledger: Ledger) -> ContractBook | None:
    """The contracts of the newest data receipt; None before there is one, or when it is older than this evidence."""
    for key in reversed(ledger.entries):
        if isinstance(ledger.entries[key].receipt, DataReceipt):
            try:
                return _kept(lake.get(ledger.head, evidence_path(key, CONTRACT)))
            except NotFound:
                return None
    return None


def earlier_books(lake: Lake, ledger: Ledger) -> list[ContractBook]:
    """The contracts of the first data receipt under each version, oldest first; some are older than this evidence."""
    first: dict[str, At] = {}
    for key, entry in ledger.entries.items():
        if isinstance(entry.receipt, DataReceipt):
            first.setdefault(entry.receipt.contract_version, At(entry.commit, evidence_path(key, CONTRACT)))
    found = lake.gather(list(first.values()))
    return [_kept(found[at]) for at in first.values() if at in found]


def _kept(content: bytes) -> ContractBook:
    """Contracts as they were, also where today's rules for contracts would refuse them: they are compared, not obeyed."""
    return ContractBook.model_validate_json(content, context=KEPT)


def changes_of(lake: Lake, ledger: Ledger, case: UseCase) -> list[ContractChange]:
    """What today's contracts change against those that main was written under."""
    before = newest_book(lake, ledger)
    if before is None or before == book_of(case):
        return []
    earlier = [table for book in earlier_books(lake, ledger) for table in book.tables]
    return compare(before.tables, case.tables, earlier)


def accepted_changes(lake: Lake, ledger: Ledger, case: UseCase) -> list[ContractChange]:
    """The changes, all of which may go through.

    Raises:
        ConfigurationError: names those that may not, with what they would break; nothing was written.
    """
    changes = changes_of(lake, ledger, case)
    refused = [change for change in changes if change.refused]
    if refused:
        told = [_told(case, ledger, change) for change in refused[:_LISTED]]
        more = [f"and {len(refused) - _LISTED} more"] if len(refused) > _LISTED else []
        msg = (
            f"the contract of {case.name} may not change so: {'; '.join([*told, *more])}; nothing was written. "
            f"Next: `lakeloop contract diff {case.name}`."
        )
        raise ConfigurationError(msg)
    return changes


def touched_by(case: UseCase, ledger: Ledger, change: ContractChange) -> list[str]:
    """What a change touches, as the case's own files and main's champion say."""
    champion = ledger.champion
    return touched(case, change, _features_source(case), f"{champion.model_name} {champion.model_version}" if champion else "")


def _told(case: UseCase, ledger: Ledger, change: ContractChange) -> str:
    breaks = f" (touches {', '.join(touched_by(case, ledger, change))})" if change.kind in {"breaking", "retyped"} else ""
    return f"{change.table}, {change.what}{breaks}: {change.refused}"


def _features_source(case: UseCase) -> str:
    """The text of the module that holds the features, and of those of its package that it imports, however far down.

    They are read and not imported: they would bring Spark. What is not to be found or understood is left out, since the answer
    is part of a sentence about something else.
    """
    name = case.features.partition(":")[0]
    spec = find_spec(name)
    if not spec or not spec.origin:
        return ""
    path, top = Path(spec.origin), name.rpartition(".")[0]
    folder = path.parents[1 if spec.submodule_search_locations else 0]  # of `top`
    waiting, texts = [_Module(path, spec.parent or "")], dict[Path, str]()
    while waiting:
        module = waiting.pop()
        if module.path not in texts:
            texts[module.path] = module.path.read_text(encoding="utf-8", errors="replace")
            waiting += (found for one in _imported(texts[module.path], module.package) if (found := _found(one, top, folder)))
    return "\n".join(texts.values())


class _Module(NamedTuple):
    """A file, and the package that its relative imports begin at: for an `__init__.py` the one it makes."""

    path: Path
    package: str


def _found(name: str, top: str, folder: Path) -> _Module | None:
    """The module of that name where it is in `top`, whose files are in `folder`; None for all else, as for a name in a module."""
    if not name.startswith(f"{top}."):
        return None
    base = folder.joinpath(*name.removeprefix(f"{top}.").split("."))
    if (path := base.with_suffix(".py")).is_file():
        return _Module(path, name.rpartition(".")[0])
    return _Module(path, name) if (path := base / "__init__.py").is_file() else None


def _imported(text: str, package: str) -> Iterator[str]:
    """The modules that a text of a package imports, or names in them; none where it cannot be parsed."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            with suppress(ImportError):  # a relative one that goes beyond the top
                source = resolve_name("." * node.level + (node.module or ""), package)
                yield from (source, *(f"{source}.{alias.name}" for alias in node.names))
