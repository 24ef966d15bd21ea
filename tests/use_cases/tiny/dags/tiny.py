"""The tiny case in Airflow: a copy of another case's DAG file with the name changed, and nothing else."""

from airflow.sdk import dag
from use_cases.tiny import TINY

from lakeloop_airflow.assets import published, scored, worn
from lakeloop_airflow.case_dag import case_dag
from lakeloop_airflow.schedules import clock, woken_by
from lakeloop_airflow.task_groups import score_batch, train_and_promote, watch, write_audit_publish


@dag(schedule=clock(TINY, "30 0 * * *"), **case_dag(TINY, "ingest"))
def tiny__ingest() -> None:
    """Takes in new deliveries of forecasts and sales, audits them, and publishes or refuses each date."""
    write_audit_publish(TINY)


@dag(schedule=woken_by(published(TINY), TINY, "0 2 * * *"), **case_dag(TINY, "score"))
def tiny__score() -> None:
    """Scores published dates with the champion; the scores wait on a branch of their own for their verdict."""
    score_batch(TINY)


@dag(schedule=woken_by(scored(TINY), TINY, "0 4 * * *"), **case_dag(TINY, "watch"))
def tiny__watch() -> None:
    """Judges waiting scores and the data under them, and publishes, withdraws or holds, in date order."""
    watch(TINY)


@dag(schedule=woken_by(worn(TINY), TINY, "0 6 * * 0"), **case_dag(TINY, "train"))
def tiny__train() -> None:
    """Trains a challenger on matured days, and makes it champion if it passes its gates on later ones."""
    train_and_promote(TINY)


tiny__ingest(), tiny__score(), tiny__watch(), tiny__train()
