"""UseCase: the one object a data scientist writes; everything else is the platform's."""

from datetime import date, datetime, time, timedelta
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator, model_validator

from lakeloop.core.bounds import AtLeastNone, AtLeastOne, Distance, NotBelowLow, NotBeyondFirst, Share
from lakeloop.core.contract import NAME, Severity, TableContract
from lakeloop.core.gate_policy import BeatsChampion, Gate, with_defaults
from lakeloop.core.sql_text import names_column
from lakeloop.core.tuning import Tuning, check_tuning
from lakeloop.core.value import Value
from lakeloop.core.words import counted


class Lookback(Value):
    """The dates of a table that the scores of D read: D - `first` to D - `last` days."""

    table: str
    first: AtLeastNone
    last: NotBeyondFirst

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
    subsample: float = 1.0  # share of the rows that a tree looks at
    colsample_bytree: float = 1.0  # share of the features that a tree looks at
    num_workers: int = Field(default=0, ge=0)  # tasks that learn side by side; 0: one for each core of a slot of the pool `spark`
    seed: int = 7


class UnitRatio(Value):
    """A column whose daily median must stay within a ratio of its recent daily medians; `by` compares like with like."""

    table: str
    column: str
    low: Distance
    high: NotBelowLow
    by: tuple[str, ...] = ()  # e.g. a route: the median over groups of each group's own ratio


class Identity(Value):
    """A physical identity of a row: a SQL expression of its absolute error, and its bound."""

    name: str
    table: str
    error: str
    bound: Distance  # the median error of a date above this is a hard fact
    hint: str


class Staleness(Value):
    """A delivery that repeats an earlier date: the share that both have in common of all rows of the two, over these columns."""

    table: str
    columns: tuple[str, ...]
    share: Share


class Members(Value):
    """A column whose values of every recent date must all be there again, e.g. the origins of a schedule."""

    table: str
    column: str


class Shift(Value):
    """A column whose daily mean should stay within a distance of its recent mean, in standard deviations of its rows."""

    table: str
    column: str
    bound: Distance


class Variety(Value):
    """A column that should be as full, and as varied, as it was on recent days; a mark, never a fault."""

    table: str
    column: str
    nulls: Share = 0.25  # what the share of nulls may rise by
    low: Distance = 0.5  # distinct values, as a ratio to the median of recent days
    high: NotBelowLow = 1.5


class Agreement(Value):
    """Rows of one table that have a partner in another one of the same date, and what the two must say alike."""

    table: str
    partner: str
    on: tuple[str, ...]  # columns that both have
    share: Share  # of the rows of `table`, at least
    severity: Severity = "critical"
    mark: Share | None = None  # a share below this is marked where it is not refused
    error: str = ""  # SQL over the columns of both, joined by a key; of a column that both have, the value of `table`
    bound: Distance = 0  # a median error of a date above this breaks it
    hint: str = ""


class Settlement(Value):
    """What a later table and an earlier one of the same date say of each other: a SQL expression of the error of both, joined."""

    name: str
    table: str  # the one that is judged first
    later: str  # the one that comes later
    on: tuple[str, ...]
    error: str
    bound: Distance  # a group's median error of a date above this is a hard fact about one of the two
    hint: str
    by: tuple[str, ...] = ()
    fewest: AtLeastOne = 10  # a group with fewer rows is not judged
    weeks: AtLeastNone = 0  # before the date, whose rows of `table` say which of the two is the odd one; 0: `later` knows better


class QualityPolicy(Value):
    """How far the champion may fall below its own hold-out on later days, and how often that asks for a training."""

    days: int = Field(default=7, gt=0)  # the newest published dates with labels, whose AUCs are averaged
    fewest_days: int = Field(default=3, gt=0)  # of fewer, nothing is said
    drop: float = Field(default=0.1, gt=0, lt=1)  # of AUC, below the mean of the champion's hold-out days
    cooldown_days: int = Field(default=7, gt=0)  # between two dates whose verdicts are trained for
    budget: int = Field(default=3, ge=0)  # trainings by verdict within `budget_days`; 0: none ever
    budget_days: int = Field(default=30, gt=0)


class DriftPolicy(Value):
    """What the audit and the watch hold against a date's tables, and how far the watch may act alone."""

    ratios: tuple[UnitRatio, ...] = ()
    identities: tuple[Identity, ...] = ()
    stale: tuple[Staleness, ...] = ()
    members: tuple[Members, ...] = ()
    shifts: tuple[Shift, ...] = ()
    varieties: tuple[Variety, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    settlements: tuple[Settlement, ...] = ()
    quality: QualityPolicy = QualityPolicy()
    partial_share: Share = 0.6  # of the median rows of the same weekdays
    history_days: AtLeastOne = 28
    minimum_history: AtLeastNone = 7
    minimum_rows: AtLeastNone = 100
    act: Literal["observe", "hold", "auto"] = "hold"


class UseCase(Value):
    """One use case: its tables, features, label, model, gates and drift policy."""

    name: str
    tables: tuple[TableContract, ...]
    features: str  # "module:function", (Inputs) -> DataFrame, the same for training and scoring
    feature_names: tuple[str, ...]
    categories: tuple[str, ...] = ()  # features that the function gives as strings; training learns a number for each value
    entity: tuple[str, ...]
    reads: tuple[Lookback, ...]  # daily tables that the features look at; any other is refused to them
    references: tuple[str, ...] = ()  # reference tables that they look at: of each its newest delivery known then
    label: Label
    model: XGBoost = XGBoost()
    tuning: Tuning | None = None  # looks for better parameters before each fit; without it the model's own are fitted
    without_gates: tuple[str, ...] = ()  # defaults that do not apply, each by its name
    gates: tuple[Gate, ...] = Field(default=(), validate_default=True)  # its own; the defaults it does not state join them
    drift: DriftPolicy = DriftPolicy()
    timezone: str = "UTC"
    clock: Literal["wall", "feed"] = "wall"
    owner: str = "data-platform"
    slack_channel: str = "#lakeloop"
    training_days: int = Field(default=365, gt=0)  # the most that are learnt from
    fewest_training_days: int = Field(default=7, gt=0)
    holdout_days: int = Field(default=14, gt=0)  # the newest matured days, never learnt from
    approvers: tuple[str, ...] = ()  # Airflow users who may answer where a gate asks; with none nothing that asks is promoted
    ask: Literal["first_or_warn", "always"] = "first_or_warn"  # before which promotions a person is asked
    approval_hours: float = Field(default=72, gt=0)  # an answer is waited for, then it counts as a no
    evidence_days: int | None = Field(default=None, ge=1)  # pages and figures of runs are kept; None means for ever
    versions_days: int | None = Field(default=None, ge=1)  # data files are kept that a table's current version left behind

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            msg = f"case name {name!r} does not match {NAME.pattern}"
            raise ValueError(msg)
        return name

    @field_validator("gates")
    @classmethod
    def _gated(cls, own: tuple[Gate, ...], info: ValidationInfo) -> tuple[Gate, ...]:
        return with_defaults(own, info.data.get("without_gates", ()))

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

    @model_validator(mode="after")
    def _encodes_its_features(self) -> Self:
        if strange := [name for name in self.categories if name not in self.feature_names or name in self.entity]:
            msg = f"{self.name}: `categories` names features that are no columns of the entity, but {strange} are not such"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _tunes_its_model(self) -> Self:
        if self.tuning is not None:
            try:
                check_tuning(self.tuning, self.model.model_dump(), self.fewest_training_days)
            except ValueError as error:
                msg = f"{self.name}: {error}"
                raise ValueError(msg) from error
        return self

    @model_validator(mode="after")
    def _may_replace_its_champion(self) -> Self:
        for gate in self.gates:
            if isinstance(gate, BeatsChampion) and gate.fewest_days > self.holdout_days:
                msg = (
                    f"{self.name}: its gate {gate.name} compares with the champion on {counted(gate.fewest_days, 'day')} or more "
                    f"(`fewest_days`), and `holdout_days` is {self.holdout_days}: no version could ever follow the first "
                    f"champion. Next: `holdout_days={gate.fewest_days}` or more, or "
                    f"`BeatsChampion(fewest_days={self.holdout_days})` among its `gates`"
                )
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _builds_on_nobody(self) -> Self:
        personal = [(table.name, column.name) for table in self.tables for column in table.columns if column.personal]
        for table, column in personal:
            if readers := self.builds_on(table, column):
                msg = f"{self.name}: {table}.{column} is personal and masked in the table, so {readers[0]} cannot build on it"
                raise ValueError(msg)
        return self

    def table(self, name: str) -> TableContract:
        """The contract of one table; KeyError names the tables there are."""
        for contract in self.tables:
            if contract.name == name:
                return contract
        msg = f"{self.name} has no table {name!r}; it has {[t.name for t in self.tables]}"
        raise KeyError(msg)

    def builds_on(self, table: str, column: str) -> list[str]:
        """What of the case names a column of a table; of the features only what they give."""
        drift = self.drift
        found = {
            f"feature {column}": column in self.feature_names,
            "the entity": column in self.entity,
            f"label {self.label.name}": self.label.table == table and names_column(self.label.expression, column),
        }
        found |= {f"gate {gate.name}": column in gate.columns() for gate in self.gates}
        found |= {f"ratio {one.column}": one.table == table and column in (one.column, *one.by) for one in drift.ratios}
        found |= {f"identity {one.name}": one.table == table and names_column(one.error, column) for one in drift.identities}
        found |= {f"staleness of {table}": one.table == table and column in one.columns for one in drift.stale}
        found |= {f"members of {one.column}": (one.table, one.column) == (table, column) for one in drift.members}
        found |= {f"shift of {one.column}": (one.table, one.column) == (table, column) for one in drift.shifts}
        found |= {f"variety of {one.column}": (one.table, one.column) == (table, column) for one in drift.varieties}
        found |= {
            f"agreement of {one.table}": table in (one.table, one.partner)
            and (column in one.on or names_column(one.error, column))
            for one in drift.agreements
        }
        found |= {
            f"settlement {one.name}": table in (one.table, one.later)
            and (column in (*one.on, *one.by) or names_column(one.error, column))
            for one in drift.settlements
        }
        return [what for what, is_built_on in found.items() if is_built_on]

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
        return "-".join(table.word for table in self.tables)
