"""UseCase: the one object a data scientist writes; everything else is the platform's."""

import re
from datetime import date, datetime, time, timedelta
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
ColumnType = Literal["string", "int", "double", "date", "timestamp"]


class Value(BaseModel):
    """A frozen value that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(Value):
    """One column of a contract with its row rules; a row that breaks one is quarantined."""

    name: str
    type: ColumnType
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] | None = None
    pattern: str | None = None


class ExpectedKeys(Value):
    """How many keys a delivery should bring: a number, another table's date, or recent history."""

    source: Literal["fixed", "table", "trailing"]
    count: int | None = None
    table: str | None = None
    days: int = 28
    floor: float = 0.5  # under this share of the expected keys a delivery is refused


class TableContract(Value):
    """What one table promises: columns, keys, row rules, readiness and limits."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    kind: Literal["daily", "reference"] = "daily"
    lag_days: int = 0  # the night of D brings this table's data of D - lag_days
    expected: ExpectedKeys | None = None
    quarantine_limit: float = 0.05  # share of rows in quarantine above which the audit refuses
    version: int = 1
    owner: str = "data-platform"

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            msg = f"table name {name!r} does not match {NAME.pattern}"
            raise ValueError(msg)
        return name

    @model_validator(mode="after")
    def _keys_are_columns(self) -> Self:
        missing = set(self.key) - {column.name for column in self.columns}
        if missing:
            msg = f"{self.name}: key columns {sorted(missing)} are not in the contract"
            raise ValueError(msg)
        return self


class Lookback(Value):
    """The dates of a table that the scores of D read: D - `first` to D - `last` days."""

    table: str
    first: int
    last: int

    def dates(self, data_date: date) -> list[date]:
        """Every date read for the scores of `data_date`, oldest first."""
        days = range(self.first, self.last - 1, -1)
        return [data_date - timedelta(days=day) for day in days]


class Label(Value):
    """What is learnt: a SQL expression over a table's columns; null means no label."""

    table: str
    expression: str
    name: str = "label"


class XGBoost(Value):
    """Hyperparameters of the model, in XGBoost's own words."""

    max_depth: int = 6
    n_estimators: int = 100
    learning_rate: float = 0.1
    min_child_weight: float = 1.0
    num_workers: int = 2
    seed: int = 7


class Gate(Value):
    """A challenger must beat a baseline on later days: `metric` by at least `margin`."""

    name: str
    metric: Literal["auc", "log_loss"]
    baseline: str  # columns whose historical label rate is the baseline score, e.g. "carrier"
    margin: float = 0.0
    holdout_days: int = 14


class UnitRatio(Value):
    """A column whose daily median must stay within a ratio of its recent daily medians; `by` compares like with like."""

    table: str
    column: str
    low: float
    high: float
    by: tuple[str, ...] = ()  # e.g. a route: the median over groups of each group's own ratio


class Identity(Value):
    """A physical identity of a row: a SQL expression of its absolute error, and its bound."""

    name: str
    table: str
    error: str
    bound: float  # the median error of a date above this is a hard fact
    hint: str


class Staleness(Value):
    """A delivery that repeats an earlier date: the share that both have in common of all rows of the two, over these columns."""

    table: str
    columns: tuple[str, ...]
    share: float


class Members(Value):
    """A column whose values of every recent date must all be there again, e.g. the origins of a schedule."""

    table: str
    column: str


class DriftPolicy(Value):
    """What the watch looks at and how far it may act alone."""

    ratios: tuple[UnitRatio, ...] = ()
    identities: tuple[Identity, ...] = ()
    stale: tuple[Staleness, ...] = ()
    members: tuple[Members, ...] = ()
    partial_share: float = 0.6  # of the median rows of the same weekdays
    history_days: int = 28
    minimum_history: int = 7
    minimum_rows: int = 100
    act: Literal["observe", "hold", "auto"] = "hold"


class UseCase(Value):
    """One use case: its tables, features, label, model, gates and drift policy."""

    name: str
    tables: tuple[TableContract, ...]
    features: str  # "module:function", (Inputs) -> DataFrame, the same for training and scoring
    feature_names: tuple[str, ...]
    entity: tuple[str, ...]
    reads: tuple[Lookback, ...]  # daily tables that the features look at; any other is refused to them
    references: tuple[str, ...] = ()  # reference tables that they look at: of each its newest delivery known then
    label: Label
    model: XGBoost = XGBoost()
    gates: tuple[Gate, ...] = ()
    drift: DriftPolicy = DriftPolicy()
    timezone: str = "UTC"
    clock: Literal["wall", "feed"] = "wall"
    owner: str = "data-platform"
    slack_channel: str = "#lakeloop"
    training_days: int = Field(default=365, gt=0)

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            msg = f"case name {name!r} does not match {NAME.pattern}"
            raise ValueError(msg)
        return name

    @model_validator(mode="after")
    def _reads_its_tables(self) -> Self:
        kinds = {contract.name: contract.kind for contract in self.tables}
        asked = [(read.table, "daily") for read in self.reads] + [(name, "reference") for name in self.references]
        wrong = [
            f"{name!r} is {'a ' + kinds[name] if name in kinds else 'no'} table"
            for name, kind in asked
            if kinds.get(name) != kind
        ]
        if wrong:
            msg = f"{self.name}: `reads` names daily tables and `references` reference tables, but {', '.join(wrong)}"
            raise ValueError(msg)
        return self

    def table(self, name: str) -> TableContract:
        """The contract of one table; KeyError names the tables there are."""
        for contract in self.tables:
            if contract.name == name:
                return contract
        msg = f"{self.name} has no table {name!r}; it has {[t.name for t in self.tables]}"
        raise KeyError(msg)

    def required_on_day(self) -> tuple[str, ...]:
        """Tables whose own data of D must be published before D can be scored."""
        return tuple(read.table for read in self.reads if read.last == 0)

    def reads_of(self, data_date: date) -> dict[str, list[date]]:
        """Table name to the dates that the scores of `data_date` read."""
        dates: dict[str, list[date]] = {}
        for read in self.reads:
            dates.setdefault(read.table, []).extend(read.dates(data_date))
        return dates

    def prediction_time(self, data_date: date) -> datetime:
        """When the prediction for a date is made: its local midnight, timezone-aware."""
        return datetime.combine(data_date, time(), tzinfo=ZoneInfo(self.timezone))

    def contract_version(self) -> str:
        """One word for the versions of all contracts, as it stands in run keys and passports."""
        return "-".join(f"{table.name}{table.version}" for table in self.tables)
