"""What a task is asked to do, and the name of the Spark session it does it in."""

import uuid
from datetime import date, timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from lakeloop.core.lake import run_branch
from lakeloop.core.reasons import reason_of
from lakeloop.core.value import Value

_NAMESPACE = uuid.UUID("6f1d3c0e-5b0a-5c55-9d43-1a6c1f0b7e11")

Reason = Annotated[str, AfterValidator(lambda given: reason_of(given) if given else "")]


class Run(Value):
    """One try of one run of a stage; without dates it sweeps everything that is open.

    Raises:
        InvalidInput: a reason that was given is none.
    """

    case: str  # "use_cases.flights:FLIGHTS"
    stage: str
    run_id: str
    attempt: int = 1
    date_from: date | None = None
    date_to: date | None = None
    table: str = ""  # only this table's deliveries; empty: every table's
    reinstate: Reason = ""  # why withdrawn bytes may come back
    retry_refused: Reason = ""  # why refused deliveries are tried again, by the checks of now
    replay: Reason = ""  # why published deliveries are written again from their bytes
    decide: Literal["", "withdraw", "accept"] = ""  # a person's answer to dates the watch holds, inside the range
    reason: Reason = ""
    cause: Literal["", "clock", "verdict"] = ""  # what woke a training; empty: somebody, by hand
    actor: str = "airflow"

    @model_validator(mode="after")
    def _range_is_whole(self) -> Self:
        if (self.date_from is None) != (self.date_to is None):
            msg = "date_from and date_to come together or not at all"
            raise ValueError(msg)
        if self.date_from and self.date_to and self.date_from > self.date_to:
            msg = f"date_from {self.date_from} is after date_to {self.date_to}"
            raise ValueError(msg)
        if self.decide and (self.date_from is None or not self.reason):
            msg = f"decide={self.decide} needs date_from, date_to and a reason, which the verdict keeps"
            raise ValueError(msg)
        if self.reopens and self.date_from is None:
            msg = (
                "reinstate, retry_refused and replay need date_from and date_to: a reason answers for the nights it was given for"
            )
            raise ValueError(msg)
        return self

    @property
    def reopens(self) -> bool:
        """Whether a person asks for what the sweep leaves closed."""
        return bool(self.reinstate or self.retry_refused or self.replay)

    def selects(self, night: date) -> bool:
        """Whether a night is inside the run's range; a sweep selects every night."""
        if self.date_from is None or self.date_to is None:
            return True
        return self.date_from <= night <= self.date_to

    def night_of(self, data_date: date, lag_days: int) -> date:
        """The night that brings a table's data date, given the table's lag."""
        return data_date + timedelta(days=lag_days)

    def branch(self, case: str) -> str:
        """A fresh run branch for this try."""
        return run_branch(case, self.stage, self.run_id, self.attempt)


class SessionKey(Value):
    """Names one try of one task of one installation; its id is the Spark session's."""

    installation: str
    database: str
    dag: str
    run: str
    task: str
    map_index: int = -1
    attempt: int = 1

    @property
    def id(self) -> str:
        """uuid5 over all parts: the same try finds its session again, another never does."""
        parts = (self.installation, self.database, self.dag, self.run, self.task, self.map_index, self.attempt)
        return str(uuid.uuid5(_NAMESPACE, "\x1f".join(map(str, parts))))

    def earlier(self) -> list[Self]:
        """The keys of the tries before this one, whose sessions a retry interrupts."""
        return [self.model_copy(update={"attempt": attempt}) for attempt in range(1, self.attempt)]
