"""What is put forward for champion: a version, and what its gates say when they are asked anew, by a DAG and by hand alike."""

from datetime import date
from typing import Any, Literal

from lakeloop.core.gates import GateResult
from lakeloop.core.lake import evidence_path
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import Reads
from lakeloop.core.training import TrainingSet
from lakeloop.core.value import Value
from lakeloop.steps.gate_record import said_last
from lakeloop.steps.platform import Platform
from lakeloop.steps.training.fit import metrics_of
from lakeloop.steps.training.gate_page import PAGE, gate_page
from lakeloop.steps.training.judging import asked_anew, asks_why
from lakeloop.steps.training.record import read_fitted, read_training


class Promotion(Value):
    """What is to become champion, after which one, and on whose word."""

    run_key: str
    version: int
    sha256: str
    data_commit: str
    reads: Reads
    trained_to: date | None
    metrics: dict[str, float]
    gates: tuple[GateResult, ...]
    after: int  # the number of the promotion it was compared with; 0 before the first
    previous: int | None  # the version of that promotion
    action: Literal["promote", "rollback"] = "promote"
    reason: str = ""
    approved_by: str = ""
    approved_why: str = ""
    despite_withdrawn: bool = False
    page: str = ""  # of its gates; empty where none was asked
    asks: str = ""  # why a person has to answer; empty: nobody has to
    unasked: tuple[str, ...] = ()  # why a person has to be asked now, of which nobody was told anything


def put_forward(p: Platform, ledger: Ledger, version: int, commit: str, key: str) -> Promotion:
    """A version with its gates as they answer now; `commit` has the record of its fit, `ledger` is main's of now."""
    known, fitted = read_training(p.lake, commit, key), read_fitted(p.lake, commit, key)
    gates = asked_anew(p, ledger, known, fitted)
    asks = asks_why(gates, ledger, p.case, known.narrowed)
    return Promotion(
        run_key=key, version=version, sha256=fitted.sha256, data_commit=known.data_commit, reads=known.reads,
        trained_to=known.fit.last, metrics=metrics_of(fitted, known), gates=gates, **standing(ledger), asks=asks,
        page=gate_page(p.case.name, version, known, fitted, gates, asks, _links(p, known, version)),
    )  # fmt: skip


def standing(ledger: Ledger) -> dict[str, Any]:
    """After which promotion the next one comes."""
    champion = ledger.champion
    return {"after": champion.seq if champion else 0, "previous": champion.model_version if champion else None}


def _links(p: Platform, known: TrainingSet, version: int) -> dict[str, str]:
    """From the page of gates that were asked anew to what they said before, and to the lake as it was read then."""
    lake, before = p.sites.get("lake", ""), said_last(p, version)  # by its commit: a refusal moves the tag
    return {
        "what they said before": lake and before and f"{lake}{before}/{evidence_path(known.run_key, PAGE)}",
        "data commit": lake and f"{lake}{known.data_commit}/",
    }
