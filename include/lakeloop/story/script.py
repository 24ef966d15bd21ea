"""The script: seven acts on the flights of 2013, each with what must be true when it is over."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import Any, NamedTuple

from lakeloop.core.errors import LakeloopError
from lakeloop.core.lake import UnitId
from lakeloop.core.use_case import UseCase
from lakeloop.steps.history import read_candidates
from lakeloop.story.record import ActRecord, RunRecord
from lakeloop.story.stage import IDLE, Stage, now
from lakeloop.wiring import load_case

CASE, CASE_REF = "flights", "use_cases.flights:FLIGHTS"
SPRING = date(2013, 1, 1), date(2013, 5, 31)
JUNE = date(2013, 6, 1), date(2013, 6, 30)
FIRST, SECOND, THIRD, FOURTH, FIFTH = (date(2013, 7, day) for day in range(1, 6))


class StoryFailed(LakeloopError):
    """A run did not end as the story says; what was done until then stands, the stack is up."""


class Play:
    """What an act works with: the stage, the sender's feed, and the book of runs and proofs."""

    def __init__(self, stage: Stage, runs: list[RunRecord]) -> None:
        self.stage, self._runs = stage, runs
        self.feed: Any = import_module(f"use_cases.{CASE}.feed").Feed(stage.settings.home)
        self.act = ActRecord(name="", budget=0)

    def ingest(self, nights: tuple[date, date] | None = None) -> RunRecord:
        """An ingest run by hand."""
        return self._keep(self.stage.trigger("ingest", nights))

    def train(self) -> RunRecord:
        """A training run by hand."""
        return self._keep(self.stage.trigger("train"))

    def follow(self, before: RunRecord, stage: str, since: datetime) -> RunRecord:
        """The run an Asset woke; by hand where the run before it found its work done by an earlier demo."""
        idle = before.verdict == IDLE
        return self._keep(self.stage.trigger(stage) if idle else self.stage.woken(stage, since))

    def prove(self, sentence: str, holds: bool) -> None:
        """Note that something is true, or end the story."""
        if not holds:
            message = f"{self.act.name}: not so: {sentence}. Next: `lakeloop status`, and the run's page in Airflow."
            raise StoryFailed(message)
        self.act.proofs.append(sentence)

    def _keep(self, record: RunRecord) -> RunRecord:
        self._runs.append(record)
        self.act.run_ids.append(record.run_id)
        if record.state != "success":
            raise StoryFailed(self.stage.failure(record))
        return record


def load_spring(play: Play) -> None:
    """Five months arrive and are taken in as one range."""
    play.feed.deliver(until=SPRING[1])
    play.ingest(SPRING)
    _published(play, SPRING)


def train_champion(play: Play) -> None:
    """A first model is fitted, put through its gates on the newest matured days, and promoted."""
    run = play.train()
    ledger = play.stage.ledger()
    play.prove("version 1 is champion", bool(ledger.champion) and run.verdict == "version 1 promoted")


def score_june(play: Play) -> None:
    """June arrives as a range; Assets wake the scoring and the watch, each in one run."""
    play.feed.deliver(until=JUNE[1])
    since = now()
    taken = play.ingest(JUNE)
    _published(play, JUNE)
    scored = play.follow(taken, "score", since)
    play.prove("June is scored in one run", scored.verdict == IDLE or (scored.date_from, scored.date_to) == JUNE)
    play.follow(scored, "watch", since)
    held = play.stage.ledger().scores
    play.prove("every June night is published, and trusted or provisional", all(_visible(held, day) for day in _days(*JUNE)))


def two_nights(play: Play) -> None:
    """1 and 2 July look ordinary, but JFK's schedule of 2 July is an hour late in every column: no row can show it."""
    play.feed.deliver(until=FIRST)
    play.feed.deliver(until=SECOND, faults={"schedule": "an_hour_late"})
    _round(play)
    play.prove("1 and 2 July are published as trusted", [_trust(play, day) for day in (FIRST, SECOND)] == ["trusted"] * 2)


def celsius(play: Play) -> None:
    """3 July's weather comes in Celsius: every row passes its rules, the audit refuses it before anybody read it."""
    play.feed.deliver(until=THIRD, faults={"weather": "celsius"})
    since = now()
    play.follow(play.ingest(), "score", since)
    ledger = play.stage.ledger()
    why = [one.refusal.message for one, _ in ledger.refused.values() if one.unit == UnitId("weather", THIRD)]
    play.prove("the weather in Celsius was refused by its audit", any("relative_humidity" in words for words in why))
    play.prove("nothing of it reached the clean table", ledger.owner(UnitId("weather", THIRD)) is None)
    play.prove("3 July waits without scores", THIRD not in ledger.scores)


def outcomes_speak(play: Play) -> None:
    """3 July's repair and 4 July arrive; the outcomes of 2 July show its schedule, which is withdrawn under newer dates."""
    if not play.stage.ledger().owner(UnitId("weather", THIRD)):
        play.feed.repair("weather", THIRD)
    play.feed.deliver(until=FOURTH)
    watched = _round(play)
    play.prove("the watch called it a data fault", "data_fault" in watched.verdict or watched.verdict == IDLE)
    gone, ledger = _withdrawn(play), play.stage.ledger()
    play.prove("the schedule of 2 July had passed every check, and is withdrawn", gone is not None)
    play.prove("the published scores of 2 July are recalled", ledger.scores[SECOND].recalled)
    play.prove("3 and 4 July stay published as trusted", [_trust(play, day) for day in (THIRD, FOURTH)] == ["trusted"] * 2)
    days = [*_days(*JUNE), SECOND]
    before = play.stage.fingerprints(ledger.entries[gone.condemned].parent, "schedule", days)
    after = play.stage.fingerprints("main", "schedule", days)
    play.prove("rows and hash of the schedule are what they were before the delivery", before == after)
    play.prove("no candidate is left", read_candidates(play.stage.lake, CASE) == [])


def _withdrawn(play: Play) -> Any:
    """The record of the withdrawal of 2 July's schedule, if it was withdrawn."""
    found = play.stage.ledger().withdrawn.items()
    return next((record for (unit, _), (record, _) in found if unit == UnitId("schedule", SECOND)), None)


def repair(play: Play) -> None:
    """The repair of 2 July lands; the date is scored anew, published, and settled by its outcomes."""
    if not play.stage.ledger().owner(UnitId("schedule", SECOND)):
        play.feed.repair("schedule", SECOND)
    _round(play)
    play.prove("2 July is published as trusted after its repair", _trust(play, SECOND) == "trusted")
    play.prove("its outcomes agree with it", SECOND in {day for day, _ in play.stage.ledger().settled})


def damaged(play: Play) -> None:
    """5 July's weather arrives damaged: refused at the door, its bytes kept, the night not scored."""
    play.feed.deliver(until=FIFTH, faults={"weather": "truncated"})
    run = play.ingest()
    play.prove("the damaged delivery was refused", "1 refused" in run.verdict)
    ledger = play.stage.ledger()
    play.prove("its bytes are kept in landing", bool(ledger.landed.get(UnitId("weather", FIFTH))))
    play.prove("nothing of it is in the clean table", ledger.owner(UnitId("weather", FIFTH)) is None)


def _round(play: Play) -> RunRecord:
    since = now()
    taken = play.ingest()
    return play.follow(play.follow(taken, "score", since), "watch", since)


def _published(play: Play, nights: tuple[date, date]) -> None:
    """Every delivery of these nights that landed is published, and its rows add up."""
    ledger = play.stage.ledger()
    case = load_case(CASE_REF)
    units = [unit for unit, landed in ledger.landed.items() if landed and _of(case, unit, nights)]
    owners = [ledger.owner(unit) for unit in units]
    accounts = [owner.record.account for owner in owners if owner]
    rows = sum(account.rows_in for account in accounts)
    out = sum(account.published + account.quarantined + account.deduplicated for account in accounts)
    play.prove(f"all {len(units)} deliveries are published", bool(units) and len(accounts) == len(units))
    play.prove(f"{rows:,} rows came in and every one is accounted for", rows == out > 0)


def _of(case: UseCase, unit: UnitId, nights: tuple[date, date]) -> bool:
    contract = case.table(unit.table)
    return contract.kind == "daily" and nights[0] <= unit.data_date + timedelta(days=contract.lag_days) <= nights[1]


def _visible(held: dict[date, Any], day: date) -> bool:
    return day in held and held[day].record.trust in {"trusted", "provisional"}


def _trust(play: Play, day: date) -> str:
    held = play.stage.ledger().scores.get(day)
    return str(held.record.trust) if held and not held.recalled else ""


def _days(first: date, last: date) -> list[date]:
    return [date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1)]


class Act(NamedTuple):
    """An act of the script with its budget in seconds."""

    name: str
    budget: float
    play: Callable[[Play], None]


ACTS = (
    Act("January to May", 150, load_spring),
    Act("a champion", 60, train_champion),
    Act("June in one run", 110, score_june),
    Act("two nights in July", 50, two_nights),
    Act("3 July in Celsius", 35, celsius),
    Act("2 July withdrawn", 55, outcomes_speak),
    Act("2 July repaired", 45, repair),
    Act("5 July damaged", 20, damaged),
)
