"""What the registry's aliases and tags should say, by the promotion ledger; pure."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from lakeloop.core.gates import GateResult
from lakeloop.core.ledger import Ledger

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
ALIASES = (CHAMPION, CHALLENGER, PREVIOUS)
GATES, GATE_RESULTS = "gates", "gate_results"  # tags of a version: passed, asks or refused; and each gate's answer as JSON
GATES_PAGE = "gates_page"  # where the lake keeps their page, of a version that is not promoted too
PROMOTION = "promotion"  # the number of its promotion, once the aliases are copied from it
APPROVAL, APPROVAL_BY, APPROVAL_WHY = "approval", "approval_by", "approval_why"
AWAITED, APPROVED, REJECTED, LAPSED = "awaited", "approved", "rejected", "lapsed"

_SAID = {AWAITED: "waits for an answer", APPROVED: "was approved", REJECTED: "was rejected", LAPSED: "lapsed"}

Tags = Mapping[str, str]
State = Literal["champion", "previous", "challenger", "retired", "refused", "rejected", "superseded", "not judged"]
_RECORDS: TypeAdapter[tuple[GateResult, ...]] = TypeAdapter(tuple[GateResult, ...])


class Difference(NamedTuple):
    """An alias that is not where the ledger has it; None where there is none."""

    alias: str
    found: int | None
    wanted: int | None

    def __str__(self) -> str:
        return f"{self.alias} was {_version(self.found)}, the ledger says {_version(self.wanted)}"


def wanted_aliases(ledger: Ledger, versions: Mapping[int, Tags]) -> dict[str, int]:
    """Where each alias belongs; `versions` are all that are registered, with their tags."""
    wanted = {CHAMPION: ledger.champion, PREVIOUS: ledger.previous}
    found = {alias: one.model_version for alias, one in wanted.items() if one}
    challenger = challenger_of(ledger, versions)
    return found | ({CHALLENGER: challenger} if challenger else {})


def challenger_of(ledger: Ledger, versions: Mapping[int, Tags]) -> int | None:
    """The newest version that may follow the champion: its gates let it, nobody rejected it, and it never was champion."""
    champion = ledger.champion.model_version if ledger.champion else 0
    return max(
        (
            version
            for version, tags in versions.items()
            if version > champion and _may_follow(tags) and not ledger.promotion_of(version)
        ),
        default=None,
    )


def differences(wanted: Mapping[str, int], found: Mapping[str, int], registered: Mapping[int, Tags]) -> list[Difference]:
    """Aliases to be moved or taken away; none to a version that is not registered any more, see `faults`."""
    there = {alias: version for alias, version in wanted.items() if version in registered}
    return [Difference(alias, found.get(alias), there.get(alias)) for alias in ALIASES if found.get(alias) != there.get(alias)]


def is_copied(ledger: Ledger, registered: Mapping[int, Tags]) -> bool:
    """Whether the newest promotion has given the aliases their places; before that nobody else is to blame for where they are."""
    tags = registered.get(ledger.champion.model_version) if ledger.champion else None
    return ledger.champion is None or tags is None or tags.get(PROMOTION) == str(ledger.champion.seq)


class Fault(NamedTuple):
    """A version of the ledger that the registry lost, or has with other bytes."""

    alias: str
    words: str


def faults(ledger: Ledger, registered: Mapping[int, Tags]) -> list[Fault]:
    """What no alias can put right."""
    told = []
    for alias, promotion in ((CHAMPION, ledger.champion), (PREVIOUS, ledger.previous)):
        if promotion is None:
            continue
        tags = registered.get(promotion.model_version)
        if tags is None:
            told.append(Fault(alias, f"version {promotion.model_version}, the {alias}, is not in the registry any more"))
        elif tags.get("sha256") != promotion.model_sha256:
            kept, now = promotion.model_sha256[:12], tags.get("sha256", "")[:12]
            words = f"version {promotion.model_version}, the {alias}, was promoted as {kept} and is registered as {now}"
            told.append(Fault(alias, words))
    return told


def state_of(version: int, tags: Tags, ledger: Ledger, aliases: Mapping[str, int]) -> State:
    """What a registered version is now; `aliases` as they should be."""
    names: dict[int, State] = {aliases[name]: name for name in (PREVIOUS, CHALLENGER, CHAMPION) if name in aliases}  # type: ignore[misc]
    if version in names:
        return names[version]
    if ledger.promotion_of(version):
        return "retired"
    if tags.get(APPROVAL) == REJECTED:
        return "rejected"
    if tags.get(GATES) == "refused":
        return "refused"
    return "superseded" if tags.get(GATES) else "not judged"


def became(tags: Tags) -> str:
    """What its gates and a person said of a version that was not promoted, as the end of a sentence."""
    if tags.get(GATES) == "refused":
        return "its gates refused it"
    by, why = (tags.get(name, "") for name in (APPROVAL_BY, APPROVAL_WHY))
    said = _SAID.get(tags.get(APPROVAL, ""))
    if said is None:
        return "its gates let it pass" if tags.get(GATES) else "was never judged"
    return said + (f" by {by}" if by else "") + (f": {why}" if why else "")


def gates_of(tags: Tags) -> tuple[GateResult, ...]:
    """Each gate's answer as it stands on a version; none where nobody wrote it there, or nobody understands it."""
    try:
        return _RECORDS.validate_json(tags.get(GATE_RESULTS, "[]"))
    except ValidationError:
        return ()


def _may_follow(tags: Tags) -> bool:
    return tags.get(GATES) in {"passed", "asks"} and tags.get(APPROVAL) != REJECTED


def _version(version: int | None) -> str:
    return "nowhere" if version is None else f"version {version}"
