"""`lakeloop bench`: figures as ratios within one run, with the machine named."""

from __future__ import annotations

import typer

from lakeloop.cli.output import AsJson, say, show_json, show_table


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(bench)


def bench(as_json: AsJson = False) -> None:
    """Ingest a full year through Airflow and by a bare Spark job, on a stack of its own; minutes."""
    from lakeloop.bench import ingest

    figures = ingest.run(say)
    if as_json:
        show_json(figures._asdict())
        return
    rows = [
        ("rows", f"{figures.rows:,}", ""),
        ("through Airflow", f"{figures.platform_seconds:.0f} s", ""),
        ("bare Spark job", f"{figures.bare_seconds:.0f} s", ""),
        ("ratio", f"{figures.ratio:.2f} : 1", "at most 2 : 1"),
        ("lakeFS calls, gate, receipts", f"{figures.keeping_order_share:.1%}", "under 5 %"),
        ("moving landed bytes", f"{figures.moving_bytes_seconds:.1f} s over all threads", ""),
    ]
    show_table(figures.machine, ("what", "figure", "aim"), rows)
