"""Read main's history: receipts in merge order, folded into a ledger."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import batched
from typing import NamedTuple
from weakref import WeakKeyDictionary

from lakeloop.core.attestation import RUN_KEY
from lakeloop.core.errors import GateViolation, NotFound
from lakeloop.core.lake import MAIN, branch_prefix, receipt_path
from lakeloop.core.ledger import Entry, Ledger, fold
from lakeloop.core.packed_ledger import packed, unpacked
from lakeloop.core.receipts import RECEIPT, AnyReceipt, ScoresReceipt
from lakeloop.core.scoring import Candidate
from lakeloop.ports import At, Commit, Lake

_KEPT_EVERY = 16  # merges: a state is written whole, and so many are folded again each time


class _Read(NamedTuple):
    """What a process read last of a case, and how many merges it folded since the state that is kept.

    What goes on from a kept state, or was read at main's head, may be kept: a look far back would push out what is at the head.
    """

    ledger: Ledger
    folded: int
    may_be_kept: bool


# A step asks for the state time and again, and little or nothing was merged meanwhile.
_read: WeakKeyDictionary[Lake, dict[str, _Read]] = WeakKeyDictionary()


def read_ledger(lake: Lake, case: str, at: str = "") -> Ledger:
    """The state of a case at a commit of main (its head when none is named), shared with all who ask: nobody changes it.

    Raises:
        GateViolation: a merge on main has no readable receipt; `lakeloop verify` says more.
    """
    head = at or lake.head(MAIN)
    read = _read.setdefault(lake, {})
    found = read.get(case)
    if found is None or found.ledger.head != head:
        found = _folded(lake, case, head, found)
    found = read[case] = _stored(lake, case, found._replace(may_be_kept=found.may_be_kept or not at))
    return found.ledger


def read_entries(lake: Lake) -> Iterator[Entry]:
    """Every merge on main with its receipt, oldest first, whichever case's it is.

    Raises:
        GateViolation: a merge on main has no readable receipt; `lakeloop verify` says more.
    """
    return _entries(lake, [commit for commit in lake.log(MAIN) if len(commit.parents) == 2])


def receipt_on(lake: Lake, ref: str, run_key: str) -> AnyReceipt | None:
    """The receipt of a piece of work at a ref, or None."""
    try:
        return RECEIPT.validate_json(lake.get(ref, receipt_path(run_key)))
    except NotFound:
        return None


def merged_as(lake: Lake, case: str, run_key: str) -> str | None:
    """The merge commit on main that brought a piece of a case's work, or None.

    Raises:
        GateViolation: a merge on main has no readable receipt; `lakeloop verify` says more.
    """
    entry = read_ledger(lake, case).entries.get(run_key)
    return entry.commit if entry else None


def read_candidates(lake: Lake, case: str) -> list[Candidate]:
    """Every committed and audited candidate: a score branch whose head carries a scores receipt."""
    found = []
    for branch in lake.branches(branch_prefix(case, "score")):
        run_key = lake.commit_of(branch.head).metadata.get(RUN_KEY, "")
        receipt = receipt_on(lake, branch.head, run_key) if run_key else None
        if isinstance(receipt, ScoresReceipt):
            found.append(Candidate(branch.name, branch.head, receipt))
    return found


def _folded(lake: Lake, case: str, head: str, known: _Read | None) -> _Read:
    before, newer = _kept(lake, case, head, known)
    before = before or _Read(Ledger(head), 0, may_be_kept=False)
    merges = [commit for commit in newer if len(commit.parents) == 2]
    ledger = fold(head, case, _entries(lake, merges), before.ledger)
    return before._replace(ledger=ledger, folded=before.folded + len(merges))


def _stored(lake: Lake, case: str, found: _Read) -> _Read:
    if found.folded < _KEPT_EVERY or not found.may_be_kept:
        return found
    lake.keep_state(case, found.ledger.head, packed(found.ledger))
    return found._replace(folded=0)


def _kept(lake: Lake, case: str, head: str, known: _Read | None) -> tuple[_Read | None, list[Commit]]:
    """The newest state of a case that is known or kept, None where there is none, and the commits since then."""
    newer: list[Commit] = []
    for some in batched(lake.log(head), _KEPT_EVERY):
        commits = [commit.id for commit in some]
        if known and known.ledger.head in commits:
            return known, [*newer, *some[: commits.index(known.ledger.head)]]
        if found := lake.kept_state(case, commits):
            with suppress(ValueError):  # a state that cannot be read is as good as none
                return _Read(unpacked(found[1]), 0, may_be_kept=True), [*newer, *some[: commits.index(found[0])]]
        newer += some
    return None, newer


def _entries(lake: Lake, merges: Sequence[Commit]) -> Iterator[Entry]:
    """The entries of merges that stand newest first, oldest first."""
    wanted = [_receipt_of(merge) for merge in merges]
    receipts = lake.gather(wanted)
    return (_entry(merge, receipts.get(at)) for merge, at in zip(reversed(merges), reversed(wanted), strict=True))


def _receipt_of(merge: Commit) -> At:
    return At(merge.id, receipt_path(merge.metadata.get(RUN_KEY, "")))


def _entry(merge: Commit, receipt: bytes | None) -> Entry:
    if receipt is None:
        msg = (
            f"merge {merge.id} on main has no receipt; the state of the lake is not to be trusted. "
            "Next: `lakeloop verify` names every such merge."
        )
        raise GateViolation(msg)
    return Entry(merge.id, merge.parents[0], parsed(receipt))


@lru_cache(8192)
def parsed(receipt: bytes) -> AnyReceipt:
    """A receipt from its bytes; a process parses each once."""
    return RECEIPT.validate_json(receipt)
