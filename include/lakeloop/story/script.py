"""The script: seven acts on the flights of 2013, each with what must be true when it is over."""

from collections.abc import Callable
from datetime import date, datetime
from importlib import import_module
from typing import Any, NamedTuple

from lakeloop.core.errors import LakeloopError
from lakeloop.core.lake import UnitId
from lakeloop.story.record import ActRecord, RunRecord
from lakeloop.story.stage import Stage, now

CASE = "flights"
SPRING = date(2013, 1, 1), date(2013, 5, 31)
JUNE = date(2013, 6, 1), date(2013, 6, 30)
FIRST, SECOND, THIRD = date(2013, 7, 1), date(2013, 7, 2), date(2013, 7, 3)


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

    def woken(self, stage: str, since: datetime) -> RunRecord:
        """The run an Asset woke."""
        return self._keep(self.stage.woken(stage, since))

    def prove(self, sentence: str, holds: bool) -> None:
        """Note that something is true, or end the story."""
        if not holds:
            message = f"{self.act.name}: not so: {sentence}. Next: `lakeloop status`, and the run's page in Airflow."
            raise StoryFailed(message)
        self.act.proofs.append(sentence)

    def _keep(self, record: RunRecord) -> RunRecord:
        self._runs.append(record)
        if record.state != "success":
            raise StoryFailed(self.stage.failure(record))
        return record


def load_spring(play: Play) -> None:
    """Five months arrive and are taken in as one range."""
    play.feed.deliver(until=SPRING[1])
    run = play.ingest(SPRING)
    play.prove("January to May is published, nothing refused", "published" in run.verdict and "refused" not in run.verdict)
    _conserved(play, run)


def train_champion(play: Play) -> None:
    """A first model is fitted, put through its gates on the newest matured days, and promoted."""
    run = play.train()
    ledger = play.stage.ledger()
    play.prove("version 1 is champion", bool(ledger.champion) and run.verdict == "version 1 promoted")


def score_june(play: Play) -> None:
    """June arrives as a range; Assets wake the scoring and the watch, each in one run."""
    play.feed.deliver(until=JUNE[1])
    since = now()
    _conserved(play, play.ingest(JUNE))
    scored = play.woken("score", since)
    play.prove("June is scored in one run", (scored.date_from, scored.date_to) == JUNE)
    play.woken("watch", since)
    held = play.stage.ledger().scores
    play.prove("every June night is published, and trusted or provisional", all(_visible(held, day) for day in _days(*JUNE)))


def first_of_july(play: Play) -> None:
    """An ordinary night: swept in, scored, judged, published."""
    _night(play, FIRST)
    play.prove("1 July is published as trusted", _trust(play, FIRST) == "trusted")


def celsius(play: Play) -> None:
    """2 July's weather comes in Celsius: every row passes its rules, the watch sees it, all of it is taken back."""
    before = play.stage.lake.head("main")
    days = _days(JUNE[0], SECOND)
    was = play.stage.fingerprints(before, "weather", days)
    play.feed.deliver(until=SECOND, faults={"weather": "celsius"})
    since = now()
    run = play.ingest()
    play.prove("the weather in Celsius passed every row rule", run.tables.get("weather", {}).get("published", 0) > 0)
    play.woken("score", since)
    watched = play.woken("watch", since)
    play.prove("the watch called it a data fault", "data_fault" in watched.verdict)
    play.prove("no scores of 2 July are visible", SECOND not in play.stage.ledger().scores)
    play.prove("the weather of 2 July is withdrawn", play.stage.ledger().owner(UnitId("weather", SECOND)) is None)
    after = play.stage.fingerprints("main", "weather", days)
    play.prove("rows and hash of the weather are what they were before the delivery", was == after)
    waiting = [branch.name for branch in play.stage.lake.branches(f"run-{CASE}-score-")]
    play.prove("no candidate is left", waiting == [])


def repair(play: Play) -> None:
    """The repair of 2 July lands, and is published."""
    play.feed.repair("weather", SECOND)
    since = now()
    play.ingest()
    play.woken("score", since)
    play.woken("watch", since)
    play.prove("2 July is published as trusted after its repair", _trust(play, SECOND) == "trusted")


def damaged(play: Play) -> None:
    """3 July's weather arrives damaged: refused at ingest, its bytes kept, the night not scored."""
    play.feed.deliver(until=THIRD, faults={"weather": "truncated"})
    run = play.ingest()
    play.prove("the damaged delivery was refused", "1 refused" in run.verdict)
    ledger = play.stage.ledger()
    play.prove("its bytes are kept in landing", bool(ledger.landed[UnitId("weather", THIRD)]))
    play.prove("nothing of it is in the clean table", ledger.owner(UnitId("weather", THIRD)) is None)


def _night(play: Play, night: date) -> None:
    play.feed.deliver(until=night)
    since = now()
    play.ingest()
    play.woken("score", since)
    play.woken("watch", since)


def _conserved(play: Play, run: RunRecord) -> None:
    whole = all(
        counts["rows_in"] == counts["published"] + counts["quarantined"] + counts["deduplicated"]
        for counts in run.tables.values()
    )
    rows = sum(counts["rows_in"] for counts in run.tables.values())
    play.prove(f"{rows:,} rows came in and every one is accounted for", whole and rows > 0)


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
    Act("1 July, an ordinary night", 45, first_of_july),
    Act("2 July in Celsius", 50, celsius),
    Act("2 July repaired", 45, repair),
    Act("3 July damaged", 20, damaged),
)
