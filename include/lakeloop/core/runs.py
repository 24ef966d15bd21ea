"""What a task is asked to do, and the name of the Spark session it does it in."""

import uuid
from datetime import date, timedelta
from typing import Any, Literal, Self

from pydantic import ValidationError, ValidationInfo, field_validator, model_validator

from lakeloop.core.errors import InvalidInput
from lakeloop.core.lake import run_branch
from lakeloop.core.manifest import YEARS
from lakeloop.core.reasons import fault_of
from lakeloop.core.value import Value

_NAMESPACE = uuid.UUID("6f1d3c0e-5b0a-5c55-9d43-1a6c1f0b7e11")


class Run(Value):
    """One try of one run of a stage; without dates it sweeps everything that is open."""

    case: str  # "use_cases.flights:FLIGHTS"
    stage: str
    run_id: str
    attempt: int = 1
    date_from: date | None = None
    date_to: date | None = None
    table: str = ""  # only this table's deliveries; empty: every table's
    reinstate: str = ""  # why withdrawn bytes may come back
    retry_refused: str = ""  # why refused deliveries are tried again, by the checks of now
    replay: str = ""  # why published deliveries are written again from their bytes
    decide: Literal["", "withdraw", "accept"] = ""  # a person's answer to dates the watch holds, inside the range
    reason: str = ""
    cause: Literal["", "clock", "verdict"] = ""  # what woke a training; empty: somebody, by hand
    actor: str = "airflow"

    @classmethod
    def asked(cls, **given: Any) -> Self:
        """A run as a person or a program asks for it.

        Raises:
            InvalidInput: nobody can be asked so, with everything that is wrong about it.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False, include_context=False)
            msg = f"{'; '.join(_wrong(each) for each in found)}; nothing was done"
            raise InvalidInput(msg) from error

    @field_validator("date_from", "date_to")
    @classmethod
    def _is_a_night(cls, night: date | None) -> date | None:
        if night and night.year not in YEARS:
            msg = f"there is no night of {night}: nights are of the years {YEARS[0]} to {YEARS[-1]}"
            raise ValueError(msg)
        return night

    @field_validator("reinstate", "retry_refused", "replay", "reason")
    @classmethod
    def _is_a_reason(cls, words: str, info: ValidationInfo) -> str:
        if words and (fault := fault_of(words)):
            msg = f"{info.field_name}: {fault}"
            raise ValueError(msg)
        return words.strip()

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


def _wrong(each: Any) -> str:
    """What is wrong with a field; what we say ourselves names it already."""
    ours = each["msg"].removeprefix("Value error, ")
    return ours if ours != each["msg"] else f"{'.'.join(map(str, each['loc']))}: {ours}"


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
