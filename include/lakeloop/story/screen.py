"""What a person sees of the story: lines while it plays, one screen at its end."""

from urllib.parse import quote

from rich import box
from rich.console import Console
from rich.table import Table

from lakeloop.settings import Settings
from lakeloop.story.record import RunRecord, StoryRecord

_GOOD = {"success": "green"}


def ending(console: Console, story: StoryRecord, settings: Settings) -> None:
    """Runs, acts with their budgets, links, and one clear verdict."""
    console.print(_runs(story, settings))
    console.print(_acts(story))
    for name, link in _links(settings):
        console.print(f"  {name:<10} [link={link}]{link}[/link]", highlight=False)
    console.print('  sql        lakeloop sql "select verdict, count(*) from verdicts group by 1"', highlight=False)
    failed = next((act for act in story.acts if act.failure), None)
    if story.ok:
        console.print(
            f"\n[bold green]The loop works[/] on this machine: {len(story.runs)} runs in {story.seconds:.0f} s. "
            "The stack is up; `make down` ends it."
        )
    elif failed:
        console.print(f"\n[bold red]The story ended in {failed.name!r}[/]: {failed.failure}")


def _runs(story: StoryRecord, settings: Settings) -> Table:
    table = _table("runs")
    for name in ("DAG", "nights", "state"):
        table.add_column(name, no_wrap=True)
    table.add_column("verdict", overflow="fold", width=11)
    table.add_column("trust", overflow="fold", width=10)
    for name in ("s", "rows"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("commit", no_wrap=True, width=7)
    for run in story.runs:
        colour = _GOOD.get(run.state, "red")
        page = f"{settings.airflow_url}/dags/{run.dag}/runs/{quote(run.run_id)}"
        rows = sum(counts["rows_in"] for counts in run.tables.values())
        table.add_row(
            f"[link={page}]{run.dag}[/link]", _nights(run), f"[{colour}]{run.state}[/]", run.verdict, run.trust,
            f"{run.seconds:.0f}", str(rows or ""), run.commit[:7],
        )  # fmt: skip
    return table


def _nights(run: RunRecord) -> str:
    if not run.date_from or not run.date_to:
        return "sweep"
    first, last = f"{run.date_from:%m-%d}", f"{run.date_to:%m-%d}"
    return first if first == last else f"{first}..{last}"


def _table(title: str) -> Table:
    """A table that fits eighty columns."""
    return Table(
        title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )


def _acts(story: StoryRecord) -> Table:
    table = _table("acts")
    table.add_column("act")
    table.add_column("s", justify="right")
    table.add_column("budget", justify="right")
    table.add_column("proved", overflow="fold")
    for act in story.acts:
        table.add_row(act.name, f"{act.seconds:.0f}", f"{act.budget:.0f}", act.failure or "; ".join(act.proofs))
    return table


def _links(settings: Settings) -> list[tuple[str, str]]:
    return [
        ("airflow", settings.airflow_url),
        ("mlflow", settings.mlflow_url),
        ("alerts", settings.alerts_url),
        ("lakefs", settings.lakefs_endpoint),
    ]
