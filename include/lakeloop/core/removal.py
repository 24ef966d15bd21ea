"""Removal: whether a retention took exactly what its receipt lists, and nothing that somebody needs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from lakeloop.core.delta_log import log_of
from lakeloop.core.lake import EVIDENCE, quarantine
from lakeloop.core.receipts import AnyReceipt, RetentionReceipt
from lakeloop.core.retention import digest_of

SPOKEN: Final = frozenset({"intake", "data", "refusal", "scores", "act"})  # whose evidence may go; never an incident's


class Seen(NamedTuple):
    """What was read of main to judge a retention by."""

    dead: Mapping[str, Collection[str]]  # table folder -> files that its log gave up
    drops: Mapping[str, Sequence[str] | None]  # path of a new log entry -> files it takes out, None if it does more
    authors: Mapping[str, AnyReceipt | None]  # run key -> the receipt whose evidence goes


def retention_faults(receipt: RetentionReceipt, changes: Iterable[tuple[str, str]], seen: Seen) -> list[str]:
    """Every way in which a merge took other than its receipt lists, or what somebody needs; the same rules as the gate's."""
    wrong: list[str] = []
    taken: dict[tuple[bool, str], list[str]] = {(one.what == "quarantine", one.path): [] for one in receipt.removed}
    for path, change in changes:
        if log_of(path):
            files = seen.drops.get(path) if change == "added" and path.startswith(f"{quarantine(receipt.case, '')}") else None
            if files is None:
                wrong.append(f"a retention may not touch a Delta log: {path}")
            for file in files or ():
                _note(taken, is_drop=True, path=f"{path.partition('_delta_log/')[0]}{file}", wrong=wrong)
        elif change != "removed":
            wrong.append(f"a retention may only take away: {path} is {change}")
        else:
            folder = _note(taken, is_drop=False, path=path, wrong=wrong)
            wrong += _needed(receipt, path, folder, seen)
    return wrong + _unlike(receipt, taken)


def evidence_key(path: str) -> str:
    """The run key whose evidence a path is."""
    return path.removeprefix(EVIDENCE).partition("/")[0]


def _needed(receipt: RetentionReceipt, path: str, folder: str, seen: Seen) -> list[str]:
    if path.startswith(EVIDENCE):
        author = seen.authors.get(evidence_key(path))
        if author is None or author.case != receipt.case or author.kind not in SPOKEN:
            return [f"a retention may not take evidence of {author.kind if author else 'nobody'}: {path}"]
    elif not path.startswith("landing/") and path.removeprefix(folder) not in seen.dead.get(folder, ()):
        return [f"its table still needs {path}"]
    return []


def _note(taken: dict[tuple[bool, str], list[str]], *, is_drop: bool, path: str, wrong: list[str]) -> str:
    folder = _up(path)
    while folder and (is_drop, folder) not in taken:
        folder = _up(folder)
    if folder:
        taken[is_drop, folder].append(path)
    else:
        wrong.append(f"a retention may not take what its receipt does not list: {path}")
    return folder


def _up(path: str) -> str:
    above, slash, _ = path.rstrip("/").rpartition("/")
    return above + slash


def _unlike(receipt: RetentionReceipt, taken: Mapping[tuple[bool, str], list[str]]) -> list[str]:
    found = [(one, taken[one.what == "quarantine", one.path]) for one in receipt.removed]
    return [
        f"a retention took {len(paths)} of {one.path} and lists other {one.objects}"
        for one, paths in found
        if (len(paths), digest_of(paths)) != (one.objects, one.digest)
    ]
