"""The teller: plays what was not played yet, and says at the end whether it ended as the script says."""

import time
from collections.abc import Callable

from lakeloop.core.errors import LakeloopError
from lakeloop.settings import Settings
from lakeloop.steps.verify import verify
from lakeloop.story.record import ActRecord, StoryRecord
from lakeloop.story.script import ACTS, CASE, Act, Play, StoryFailed
from lakeloop.story.stage import Stage


def tell(settings: Settings, say: Callable[[str], None]) -> StoryRecord:
    """Play the acts that an earlier demo did not finish; the record is saved after each."""
    stage = Stage(settings, CASE, say)
    story = _begun(settings, stage)
    story.forget_failures()
    for act in ACTS:
        if story.played(act.name):
            say(f"{act.name}: played before")
            continue
        say(f"{act.name}: {act.play.__doc__ or ''}")
        done = _play(stage, act, story)
        story.acts.append(done)
        story.seconds = round(sum(each.seconds for each in story.acts), 1)
        story.save(settings.home)
        if done.failure:
            return story
    story.ok = _attests(stage, say)
    story.save(settings.home)
    return story


def _begun(settings: Settings, stage: Stage) -> StoryRecord:
    """What was played before, unless the lake it was played on is gone."""
    story = StoryRecord.load(settings.home)
    known = {entry.commit for entry in stage.ledger().entries.values()}
    told = {run.commit for run in story.runs if run.commit and run.dag.endswith("ingest")}
    return story if told <= known else StoryRecord()


def _play(stage: Stage, act: Act, story: StoryRecord) -> ActRecord:
    play = Play(stage, story.runs)
    play.act = ActRecord(name=act.name, budget=act.budget)
    begun = time.monotonic()
    try:
        act.play(play)
    except LakeloopError as error:
        play.act.failure = str(error)
    play.act.seconds = round(time.monotonic() - begun, 1)
    return play.act


def _attests(stage: Stage, say: Callable[[str], None]) -> bool:
    findings = [finding for _, found in verify(stage.lake) for finding in found]
    if findings:
        message = f"main does not attest: {findings[0].commit[:12]} {findings[0].wrong}; `lakeloop verify` says all of it"
        raise StoryFailed(message)
    say("every merge on main attests")
    return True
