"""The card of a version: facts, all of them, and nothing a reader could mistake for Markdown."""

from __future__ import annotations

from datetime import date

from lakeloop.core.evaluation import DayMetrics, Evaluation
from lakeloop.core.gates import GateResult
from lakeloop.core.model_card import Made, gate_table, model_card
from tests.unit.small_training import CASE, FITTED, KNOWN, LATER, SKEW, SKEWED

GATES = (
    GateResult(name="better_than_champion", outcome="warn", words="gain +0.01 | may be chance"),
    GateResult(name="calibrated", outcome="pass", words="off by 0.01"),
)

MADE = Made(version=3, mlflow_run="r1", airflow_run="weekly__2024-05-10T00:00")
SITES = {"lake": "http://lake/", "mlflow": "http://mlflow", "airflow": "http://airflow"}


def test_the_card_has_the_facts_that_lead_back() -> None:
    card = model_card(CASE, MADE, KNOWN, FITTED, GATES, SITES)
    for words in (
        "# shops version 3", "[`c0ffeec0ffee`](http://lake/", FITTED.sha256, "weekly|2024-W18".replace("|", "\\|"),
        "| learnt from | 2024-05-01 to 2024-05-07 (7) | 1,200 | 25.0% | 30 |", "| calibrated | ✅ pass | off by 0.01 |",
        f"(http://lake/model-shops-v3-gates/_lakeloop/evidence/{KNOWN.run_key}/gates.html) |",
        "| version in MLflow | [version 3](http://mlflow/#/models/shops/versions/3) |",
        "| MLflow run | [`r1`](http://mlflow/#/runs/r1) |",
        "| Airflow run | [`weekly__2024-05-10T00:00`](http://airflow/dags/shops__train/runs/weekly__2024-05-10T00%3A00) |",
        "| tuned | no: the case's own parameters |", "| hour | 0.4000 |", "| challenger | 0.7000 [0.7000, 0.7000] |",
    ):  # fmt: skip
        assert words in card, words


def test_words_of_a_gate_do_not_end_its_cell() -> None:
    assert r"gain +0.01 \| may be chance" in gate_table(GATES)


def test_a_metric_that_no_day_has_is_not_known() -> None:
    days = (DayMetrics(data_date=date(2024, 5, 8), model="challenger", rows=3, positives=0, auc=None, log_loss=0.4),)
    card = model_card(CASE, MADE, KNOWN, FITTED.model_copy(update={"evaluation": Evaluation(days=days)}), GATES, {})
    assert "| challenger | not known | 0.4000 [0.4000, 0.4000] |" in card


def test_what_has_no_address_is_named_and_what_nobody_wrote_down_is_said() -> None:
    card = model_card(CASE, Made(version=3, mlflow_run="r1"), KNOWN, FITTED, GATES, {})
    for words in ("| version in MLflow | version 3 |", "| MLflow run | `r1` |", "| Airflow run | not known |"):
        assert words in card


def test_what_a_restatement_made_of_features_that_were_scored_is_said() -> None:
    card = model_card(CASE, MADE, SKEWED, FITTED, GATES, {})
    assert f"## Skew\n\n- {LATER[0]}, scored from d00dd00dd00d: 540 rows at both commits; differ: hour in 24 rows" in card
    assert SKEW.words in card
    assert f"| restated since | {LATER[0]} |" in card
    assert "## Skew" not in model_card(CASE, MADE, KNOWN, FITTED, GATES, {})
