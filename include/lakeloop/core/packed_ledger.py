"""A ledger as bytes, and back: what grows by the day is read when it is asked for."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import accumulate, pairwise
from typing import Annotated

from pydantic import PlainSerializer, TypeAdapter

from lakeloop.core.lake import Delivery, UnitId
from lakeloop.core.lazy_dict import LazyDict
from lakeloop.core.ledger import Entry, Ledger, Owner, PublishedScores
from lakeloop.core.receipts import RECEIPT, LandedRecord, PromotionReceipt, RefusedRecord, SettledRecord, WithdrawnRecord
from lakeloop.core.value import Value

_LANDED: TypeAdapter[list[LandedRecord]] = TypeAdapter(list[LandedRecord])
_OWNERS: TypeAdapter[list[Owner]] = TypeAdapter(list[Owner])
_SCORES: TypeAdapter[PublishedScores] = TypeAdapter(PublishedScores)

# A set is written in the order of its values, so that the same one is the same bytes, whichever way it came about.
type _Set[T] = Annotated[set[T], PlainSerializer(sorted)]
type _FrozenSet[T] = Annotated[frozenset[T], PlainSerializer(sorted)]


class _Front(Value):
    """The first line: all that is small, and the keys of the rest with the lengths of their values, which follow."""

    head: str
    entries: list[tuple[str, int]]
    landed: list[tuple[UnitId, int]]
    owners: list[tuple[UnitId, int]]
    scores: list[tuple[date, int]]
    refused: list[tuple[Delivery, tuple[RefusedRecord, str]]]
    withdrawn: list[tuple[tuple[UnitId, str], tuple[WithdrawnRecord, str]]]
    judged: _Set[tuple[str, date]]
    settled: list[tuple[tuple[date, _FrozenSet[tuple[str, str]]], SettledRecord]]
    accepted: list[tuple[_FrozenSet[Delivery], str]]
    dropped: _Set[str]
    promotions: list[PromotionReceipt]
    promoted_at: list[datetime | None]
    flagged: _Set[int]
    gone: list[tuple[Delivery, str]]


def packed(ledger: Ledger) -> bytes:
    """All that a ledger says."""
    values: list[bytes] = []
    front = _Front(
        head=ledger.head,
        entries=_put(ledger.entries.stored(_packed_entry), values),
        landed=_put(ledger.landed.stored(_LANDED.dump_json), values),
        owners=_put(ledger.owners.stored(_OWNERS.dump_json), values),
        scores=_put(ledger.scores.stored(_SCORES.dump_json), values),
        refused=list(ledger.refused.items()), withdrawn=list(ledger.withdrawn.items()), judged=ledger.judged,
        settled=list(ledger.settled.items()), accepted=list(ledger.accepted.items()), dropped=ledger.dropped,
        promotions=ledger.promotions, promoted_at=ledger.promoted_at, flagged=ledger.flagged,
        gone=list(ledger.gone.items()),
    )  # fmt: skip
    return b"".join([front.model_dump_json().encode(), b"\n", *values])


def unpacked(body: bytes) -> Ledger:
    """The ledger that was packed.

    Raises:
        ValueError: no ledger was packed so.
    """
    begin = body.find(b"\n") + 1
    front = _Front.model_validate_json(body[:begin])
    parts = front.entries, front.landed, front.owners, front.scores
    values = _cut(body[begin:], [length for part in parts for _, length in part])
    return Ledger(
        front.head,
        entries=LazyDict(_taken(front.entries, values), _unpacked_entry),
        landed=LazyDict(_taken(front.landed, values), _LANDED.validate_json),
        owners=LazyDict(_taken(front.owners, values), _OWNERS.validate_json),
        scores=LazyDict(_taken(front.scores, values), _SCORES.validate_json),
        refused=dict(front.refused), withdrawn=dict(front.withdrawn), judged=front.judged,
        settled=dict(front.settled), accepted=dict(front.accepted), dropped=front.dropped,
        promotions=front.promotions, promoted_at=front.promoted_at, flagged=front.flagged,
        gone=dict(front.gone),
    )  # fmt: skip


def _put[K](stored: Iterable[tuple[K, bytes]], values: list[bytes]) -> list[tuple[K, int]]:
    keys = []
    for key, value in stored:
        keys.append((key, len(value)))
        values.append(value)
    return keys


def _cut(rest: bytes, lengths: Sequence[int]) -> Iterator[bytes]:
    if sum(lengths) != len(rest):
        msg = f"{len(rest)} bytes follow where {sum(lengths)} were packed"
        raise ValueError(msg)
    return (rest[first:last] for first, last in pairwise(accumulate(lengths, initial=0)))


def _taken[K](keys: Iterable[tuple[K, int]], values: Iterator[bytes]) -> dict[K, bytes]:
    return {key: next(values) for key, _ in keys}


def _packed_entry(entry: Entry) -> bytes:
    return b"\n".join([entry.commit.encode(), entry.parent.encode(), entry.receipt.model_dump_json().encode()])


def _unpacked_entry(stored: bytes) -> Entry:
    commit, parent, receipt = stored.split(b"\n", 2)
    return Entry(commit.decode(), parent.decode(), RECEIPT.validate_json(receipt))
