"""A range of nights through a case's ingest DAG: looked up in the lake, triggered in chunks, each followed to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import NamedTuple

from lakeloop.adapters.airflow_api import AirflowApi
from lakeloop.cli.output import say
from lakeloop.core.errors import InvalidInput
from lakeloop.core.runs import Run
from lakeloop.core.words import counted

Nights = tuple[date, date]
_UNDER_WAY = ("queued", "running")
_RECENT = 100
_LONGEST = 6 * 3600.0  # seconds; a run that takes longer is left as it is


class Ended(NamedTuple):
    """One run of the range, as it ended."""

    nights: str
    run: str
    state: str
    published: int
    refused: int
    refusals: tuple[str, ...]
    page: str


def chunks(nights: Nights, days: int) -> list[Nights]:
    """The range in parts of so many nights, oldest first.

    Raises:
        InvalidInput: the range ends before it begins.
    """
    first, last = nights
    if first > last:
        msg = f"--from {first} is after --to {last}; nothing was done"
        raise InvalidInput(msg)
    starts = [first + timedelta(days=at) for at in range(0, (last - first).days + 1, days)]
    return [(start, min(start + timedelta(days=days - 1), last)) for start in starts]


def conf_of(nights: Nights, asked: Mapping[str, str]) -> dict[str, str]:
    """What a run of these nights is asked, as its DAG's form says it."""
    words = {name: said for name, said in asked.items() if said}
    return {"date_from": nights[0].isoformat(), "date_to": nights[1].isoformat(), **words}


def play(
    airflow: AirflowApi, dag: str, parts: Sequence[Nights], asked: Mapping[str, str], is_open: Callable[[Nights], bool]
) -> list[Ended]:
    """One run after the other, a chunk with nothing open without one; a failed run does not hold up the next nights."""
    airflow.unpause(dag)
    ended = []
    with _progress(len(parts)) as step:
        for nights in parts:
            conf = conf_of(nights, asked)
            words = f"{nights[0]} to {nights[1]}"
            step(f"{words}: looking", 0)
            run = _under_way(airflow, dag, conf)
            if run:
                say(f"{words}: {run} is still going; it is followed")
            elif not is_open(nights):
                step(f"{words}: nothing open", 1)
                continue
            run = run or airflow.trigger(dag, conf, note="lakeloop ingest")
            step(f"{words}: {run}", 0)
            ended.append(_ended(airflow, dag, words, run))
            step(f"{words}: {ended[-1].state}", 1)
    return ended


def verdict(ended: Sequence[Ended], parts: int, next_move: str) -> str:
    """The range in one sentence."""
    published, refused = sum(one.published for one in ended), sum(one.refused for one in ended)
    failed = [one for one in ended if one.state != "success"]
    idle = parts - len(ended)
    words = [f"{counted(published, 'unit')} published", f"{refused} refused", f"in {counted(len(ended), 'run')}"]
    words += [f"{counted(len(failed), 'run')} failed ({failed[0].nights})"] if failed else []
    words += [f"{counted(idle, 'chunk')} had nothing open"] if idle else []
    return ", ".join(words) + (f". Next: {next_move}" if failed or refused else "")


def _ended(airflow: AirflowApi, dag: str, nights: str, run: str) -> Ended:
    state = airflow.wait(dag, run, _LONGEST)
    done = airflow.xcom(dag, run, "publish") or {}
    return Ended(
        nights, run, state, int(done.get("published", 0)), int(done.get("refused", 0)), tuple(done.get("refusals", ())),
        airflow.run_page(dag, run),
    )  # fmt: skip


def _under_way(airflow: AirflowApi, dag: str, conf: Mapping[str, str]) -> str:
    """A run that was asked the same and has not ended, e.g. by this command before it was killed."""
    same = [run for run in airflow.runs(dag, _RECENT) if run["state"] in _UNDER_WAY and (run.get("conf") or {}) == conf]
    return str(same[-1]["dag_run_id"]) if same else ""


@contextmanager
def _progress(parts: int) -> Iterator[Callable[[str, int], None]]:
    """A line on standard error: chunks done, the run under way, the time it takes."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    shown = (
        SpinnerColumn(),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*shown, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=parts)
        yield lambda words, done: progress.update(task, description=words, advance=done)


def run_of(case_ref: str, nights: Nights, asked: Mapping[str, str], actor: str) -> Run:
    """The same as a run of the DAG would be asked.

    Raises:
        InvalidInput: what is asked is no run, with what is wrong about it.
    """
    return Run.asked(
        case=case_ref, stage="ingest", run_id="lakeloop", date_from=nights[0], date_to=nights[1], actor=actor, **dict(asked)
    )
