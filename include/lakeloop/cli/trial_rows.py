"""What `lakeloop try` shows, as tables."""

from __future__ import annotations

import typer

from lakeloop.cli.output import show_table
from lakeloop.core.contract_change import WILL_HAPPEN
from lakeloop.core.score_moves import FAR, ScoreMovesReport
from lakeloop.core.trial import ContractTrial, DayMove, FeatureMove, MetricMove, Trial
from lakeloop.core.words import counted

_LISTED = 8  # of slices; `--json` has them all
_COLOURS = {"pass": "green", "warn": "yellow", "fail": "red", "equal": "green"}


def show(trial: Trial) -> None:
    """Every table that has a row, then what a reader has to know beside them."""
    if trial.contract is not None:
        _show_contract(trial.contract)
    _show_rows(trial)
    _show_features(trial)
    _show_metrics(trial)
    rows = [(one.name, one.outcome, one.words) for one in trial.gates]
    show_table("gates, shown and not acted on", ("gate", "would", "because"), rows, _COLOURS)
    _show_slices(trial)
    if trial.scores is not None:
        _show_scores(trial.scores)
    for note in trial.notes:
        typer.echo(f"note: {note}")


def _show_contract(trial: ContractTrial) -> None:
    if trial.changes:
        rows = [(one.table, one.what, one.kind, f"refused: {one.refused}" if one.refused else WILL_HAPPEN[one.kind])
                for one in trial.changes]  # fmt: skip
        show_table("contracts: main against this code", ("table", "change", "class", "what happens at the next ingest"), rows)
    found = [
        (
            one.table, f"{one.first} to {one.last} ({one.dates})", f"{one.rows_in:,}", _move(*one.published),
            _move(*one.quarantined), one.change.words or "none",
        )
        for one in trial.tables
    ]  # fmt: skip
    if found:
        columns = ("table", "dates read again", "rows in", "published", "quarantined", "of the published rows")
        show_table("landed bytes under this contract", columns, found)
    reasons = [(one.table, name, f"{was:,}", f"{now:,}") for one in trial.tables for name, (was, now) in one.reasons.items()]
    if reasons:
        show_table("rows in quarantine by first reason", ("table", "reason", "then", "now"), reasons)
    for one in trial.tables:
        if one.refused:
            typer.echo(f"{one.table}: {counted(len(one.refused), 'date')} would be refused, first {one.refused[0]}")
    for words in trial.not_covered:
        typer.echo(f"not covered: {words}")


def _show_rows(trial: Trial) -> None:
    rows = [
        (
            one.split, f"{one.first} to {one.last} ({one.days})", _count(one.before), f"{one.after:,}",
            _share(one.positives_before, one.before), _share(one.positives_after, one.after), _same(one.is_same),
        )
        for one in trial.splits
    ]  # fmt: skip
    columns = ("days", "", "rows then", "rows now", "positive then", "now", "digest")
    show_table(f"{trial.model} on {trial.commit[:12]}: rows with a label", columns, rows, _COLOURS)
    if trial.rows is not None:
        typer.echo(f"against the record of version {trial.champion}: {trial.rows.words}")
    for words in trial.settings:
        typer.echo(f"not as it was: {words}")


def _show_features(trial: Trial) -> None:
    if trial.features:
        columns = ("column", "is", "rows that differ", "by at most")
        show_table("columns of the training set", columns, [_feature(one) for one in trial.features])
    elif trial.rows is not None:
        typer.echo("no column of the training set differs")


def _feature(one: FeatureMove) -> tuple[str, ...]:
    if one.what != "changed":
        return (one.name, one.what, "all", "")
    return (one.name, one.what, f"{one.rows:,}", f"{one.largest:.4g}" if one.largest is not None else "")


def _show_metrics(trial: Trial) -> None:
    columns = ("metric, mean a day", "then", "now", "gain a day", "90 % interval", "days")
    show_table("hold-out", columns, [_metric(one) for one in trial.metrics])
    if trial.is_same_model is not None:
        typer.echo("the model is the same, to the byte" if trial.is_same_model else "the model is another one")
    by_day: dict[str, dict[str, DayMove]] = {}
    for one in trial.days:
        by_day.setdefault(one.data_date.isoformat(), {})[one.metric] = one
    rows = [(day, *(cell for metric in ("auc", "log_loss") for cell in _day(found.get(metric)))) for day, found in by_day.items()]
    show_table("hold-out by day", ("day", "AUC then", "now", "log loss then", "now"), rows)


def _metric(one: MetricMove) -> tuple[str, ...]:
    interval = f"{one.low:+.4f} to {one.high:+.4f}" if one.low is not None and one.high is not None else ""
    return (one.metric, _number(one.before), _number(one.after), _signed(one.gain), interval, str(one.days or ""))


def _day(one: DayMove | None) -> tuple[str, str]:
    return (_number(one.before), _number(one.after)) if one else ("", "")


def _show_slices(trial: Trial) -> None:
    if not trial.slices:
        return
    rows = [
        (f"{one.column} {one.value}", f"{one.rows:,}", _number(one.before), _number(one.after), _signed(one.worse_by))
        for one in trial.slices[:_LISTED]
    ]
    more = f", the first {_LISTED} of {len(trial.slices)}" if len(trial.slices) > _LISTED else ""
    show_table(f"slices by log loss, what loses most first{more}", ("slice", "rows", "then", "now", "worse by"), rows)


def _show_scores(moves: ScoreMovesReport) -> None:
    typer.echo(
        f"scores of {counted(moves.rows, 'hold-out row')}: they move by {moves.mean:.4f} on average, {moves.largest:.4f} at "
        f"most; {counted(moves.far, 'row')} by more than {FAR}"
        + (f"; {moves.only_before:,} are gone, {moves.only_after:,} are new" if moves.only_before or moves.only_after else "")
    )
    rows = [
        (f"{one.column} {one.value}", f"{one.rows:,}", f"{one.mean:.4f}", f"{one.shift:+.4f}")
        for one in moves.slices[:_LISTED]
        if one.mean
    ]
    if rows:
        show_table("scores by slice, what moves most first", ("slice", "rows", "moves by", "on balance"), rows)


def _move(was: int, now: int) -> str:
    return f"{was:,} → {now:,}" if was != now else f"{now:,}"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _share(part: int | None, whole: int | None) -> str:
    return f"{part / whole:.1%}" if part is not None and whole else ""


def _same(is_same: bool | None) -> str:
    return "" if is_same is None else "equal" if is_same else "differs"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.4f}"
