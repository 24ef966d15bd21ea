"""The contract at write: kept with every data receipt, and compared with the one that main was written under."""

import ast
from collections.abc import Iterator
from importlib.util import find_spec, resolve_name
from pathlib import Path

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


def newest_book(lake: Lake, ledger: Ledger, case: UseCase) -> ContractBook | None:
    """The contracts of the newest data receipt; None before there is one, or when it is older than this evidence."""
    for key, entry in reversed(ledger.entries.items()):
        if isinstance(entry.receipt, DataReceipt) and entry.receipt.case == case.name:
            try:
                return ContractBook.model_validate_json(lake.get(ledger.head, evidence_path(key, CONTRACT)))
            except NotFound:
                return None
    return None


def earlier_books(lake: Lake, ledger: Ledger, case: UseCase) -> list[ContractBook]:
    """The contracts of the first data receipt under each version, oldest first; some are older than this evidence."""
    first: dict[str, At] = {}
    for key, entry in ledger.entries.items():
        if isinstance(entry.receipt, DataReceipt) and entry.receipt.case == case.name:
            first.setdefault(entry.receipt.contract_version, At(entry.commit, evidence_path(key, CONTRACT)))
    found = lake.gather(list(first.values()))
    return [ContractBook.model_validate_json(found[at]) for at in first.values() if at in found]


def changes_of(lake: Lake, ledger: Ledger, case: UseCase) -> list[ContractChange]:
    """What today's contracts change against those that main was written under."""
    before = newest_book(lake, ledger, case)
    if before is None or before == book_of(case):
        return []
    earlier = [table for book in earlier_books(lake, ledger, case) for table in book.tables]
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
    """The text of the module that holds the features, and of those beside it that it imports.

    They are read and not imported: they would bring Spark.
    """
    spec = find_spec(case.features.partition(":")[0])
    if not spec or not spec.origin:
        return ""
    folder, waiting, texts = Path(spec.origin).parent, [Path(spec.origin)], dict[Path, str]()
    while waiting:
        path = waiting.pop()
        if path not in texts and path.is_file():
            texts[path] = path.read_text(encoding="utf-8")
            names = _imported(ast.parse(texts[path]), spec.parent or "")
            waiting += [folder.joinpath(*name.split(".")).with_suffix(".py") for name in names]
    return "\n".join(texts.values())


def _imported(module: ast.Module, package: str) -> Iterator[str]:
    """The modules of `package`, relative to it, that a module of it imports; or names in them, which are no files."""
    for node in ast.walk(module):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            names = [source, *(f"{source}.{name}" for name in names)]
        yield from (name.removeprefix(f"{package}.") for name in names if name.startswith(f"{package}."))
