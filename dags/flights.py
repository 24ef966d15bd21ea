"""The flights case in Airflow: which words, woken by what. Will a flight arrive more than 15 minutes late?"""

from airflow.sdk import dag

from lakeloop_airflow.assets import published, scored, worn
from lakeloop_airflow.case_dag import case_dag
from lakeloop_airflow.schedules import clock, woken_by
from lakeloop_airflow.task_groups import score_batch, train_and_promote, watch, write_audit_publish
from use_cases.flights import FLIGHTS


@dag(schedule=clock(FLIGHTS, "30 0 * * *"), **case_dag(FLIGHTS, "ingest"))
def flights__ingest() -> None:
    """Takes in new deliveries of schedule, weather and outcomes, audits them, and publishes or refuses each date."""
    write_audit_publish(FLIGHTS)


@dag(schedule=woken_by(published(FLIGHTS), FLIGHTS, "0 2 * * *"), **case_dag(FLIGHTS, "score"))
def flights__score() -> None:
    """Scores published dates with the champion; the scores wait on a branch of their own for their verdict."""
    score_batch(FLIGHTS)


@dag(schedule=woken_by(scored(FLIGHTS), FLIGHTS, "0 4 * * *"), **case_dag(FLIGHTS, "watch"))
def flights__watch() -> None:
    """Judges waiting scores and the data under them, and publishes, withdraws or holds, in date order."""
    watch(FLIGHTS)


@dag(schedule=woken_by(worn(FLIGHTS), FLIGHTS, "0 6 * * 0"), **case_dag(FLIGHTS, "train"))
def flights__train() -> None:
    """Trains a challenger on matured days, and makes it champion if it passes its gates on later ones."""
    train_and_promote(FLIGHTS)


flights__ingest(), flights__score(), flights__watch(), flights__train()
