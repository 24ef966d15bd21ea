"""What a version's gates are asked: its record, and what only main and the code of now can tell of it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from lakeloop.core.evaluation import Evaluation
from lakeloop.core.gates import GateResult, judge_gates, warns
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import Reads
from lakeloop.core.signature import signature_of
from lakeloop.core.training import Fitted, TrainingSet
from lakeloop.core.use_case import UseCase
from lakeloop.steps.platform import Platform


def as_of(measured: Evaluation, newest: date, reads: Reads, ledger: Ledger, p: Platform) -> Evaluation:
    """What was measured, with what only main can tell now: what was withdrawn since, and how old the newest learnt day is."""
    return measured.model_copy(
        update={
            "live_features": signature_of(p.case),
            "newest_day": newest,
            "business_day": ledger.today(p.case, datetime.now(UTC)),
            "lost": tuple(str(unit) for unit in ledger.lost_reads(reads)),
        }
    )


def asked_anew(p: Platform, ledger: Ledger, known: TrainingSet, fitted: Fitted) -> tuple[GateResult, ...]:
    """Its gates by the lake's record, and by main and the case as they are now: days or months may lie behind the fit.

    A tag in the registry counts for nothing, as anybody on its network may tag a version.
    """
    measured = as_of(fitted.evaluation, known.fit.last, known.reads, ledger, p)
    now = ledger.champion
    if now and now.model_version != measured.champion:
        gap = f"it was measured beside {measured.beside}, and version {now.model_version} is champion"
        measured = measured.model_copy(update={"champion_gap": gap})
    return judge_gates(p.case.gates, measured)


def asks_why(results: Sequence[GateResult], ledger: Ledger, case: UseCase, narrowed: str = "") -> str:
    """Why a person has to answer before the promotion; empty when nobody has to.

    `narrowed` is the range that chose an older hold-out than the newest: whoever asked for it chose what it is judged on.
    """
    warned = [one.name for one in results if one.outcome == "warn"]
    why = [f"{', '.join(warned)} warned"] if warns(results) else []
    if ledger.champion is None:
        why = ["a first model never promotes itself"]
    why += ["the case has a person asked before every promotion"] if case.ask == "always" else []
    why += [f"its hold-out is not the newest days: {narrowed} was asked for"] if narrowed else []
    return "; ".join(why)
