"""Contract: what one table promises, stated once; row rules decide quarantine, the rest is for the audit."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, Self
from unicodedata import is_normalized
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationInfo, field_validator, model_validator

from lakeloop.core.bounds import AtLeastNone, AtLeastOne, Finite, Share, is_kept
from lakeloop.core.files import FileFormat
from lakeloop.core.patterns import pattern_fault
from lakeloop.core.sql_text import names_column
from lakeloop.core.value import Value

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
Severity = Literal["critical", "warning", "info"]  # critical refuses, a warning publishes and marks, info stands on the page only
ColumnType = Literal["string", "int", "double", "decimal", "bool", "date", "timestamp"]
OF_A_COLUMN = ("missing", "type", "range", "allowed", "pattern", "text", "gap", "repeated")
FAMILIES = (  # of the reasons for which a row is in quarantine: what stands before the colon
    "malformed", "header_again", "repeated_key", "unknown_key", *OF_A_COLUMN, "rule", "other_date", "duplicate_key", "refused",
)  # fmt: skip
_ONLY_FOR: dict[str, tuple[ColumnType, ...]] = {  # a rule that another type would pass over in silence is a mistake
    "minimum": ("int", "double", "decimal"),
    "maximum": ("int", "double", "decimal"),
    "precision": ("decimal",),
    "scale": ("decimal",),
    "earliest": ("date", "timestamp"),
    "latest": ("date", "timestamp"),
    "around_days": ("date", "timestamp"),
    "timezone": ("timestamp",),
    "repeated_hour": ("timestamp",),
    "invisible": ("string",),
    "allowed": ("string",),  # of a text only it is still known, once it is published, what stood there
    "pattern": ("string",),
}


class Column(Value):
    """One column of a contract with its row rules; a row that breaks one is quarantined."""

    name: str
    type: ColumnType
    required: bool = False
    minimum: Finite | None = None
    maximum: Finite | None = None
    precision: int = Field(default=18, ge=1, le=38)  # digits of a decimal, and how many of them after the point
    scale: int = Field(default=2, ge=0, le=38)
    earliest: date = date(1900, 1, 1)
    latest: date = date(2199, 12, 31)
    around_days: AtLeastNone | None = None  # a time further than this from its row's data date is out of range
    timezone: str = "UTC"  # of a text that names no offset
    repeated_hour: Literal["earlier", "later"] | None = None  # what a local time means that comes twice; None refuses it
    allowed: tuple[str, ...] | None = None
    pattern: str | None = None  # of the whole text, as Java reads it, whose engine is Spark's
    may_be_absent: bool = False  # a file without it is read with empty cells: for a column that came later
    invisible: bool = False  # control, bidi and zero-width characters are data here
    personal: bool = False  # of a person: masked wherever it stands outside landing/
    not_personal: str = ""  # why it is not, though the audit takes it for personal data
    description: str = ""
    unit: str = ""

    @property
    def is_local(self) -> bool:
        """Whether a text without an offset has to be looked up in a time zone."""
        return self.type == "timestamp" and self.timezone != "UTC"

    def has_rule(self, family: str) -> bool:
        """Whether a row can be in quarantine for this column and for a reason of the family."""
        has = {
            "missing": self.required, "type": True, "allowed": self.allowed is not None, "pattern": self.pattern is not None,
            "range": self.type in {"date", "timestamp"} or self.minimum is not None or self.maximum is not None,
            "text": self.type == "string" and not self.invisible, "gap": self.is_local, "repeated": self.is_local,
        }  # fmt: skip
        return has[family]

    @model_validator(mode="after")
    def _rules_fit_the_type(self, info: ValidationInfo) -> Self:
        fields = Column.model_fields
        asked = [name for name in _ONLY_FOR if getattr(self, name) != fields[name].default]
        wrong = [name for name in asked if self.type not in _ONLY_FOR[name]]
        if wrong and not is_kept(info):
            is_of_text = {"allowed", "pattern"} & set(wrong)
            mend = f"; say it in a row rule, as `{self.name} IN (…)`" if is_of_text else ""
            msg = f"{self.name}: {', '.join(wrong)} says nothing of a {self.type}{mend}"
            raise ValueError(msg)
        if self.required and self.may_be_absent:
            msg = f"{self.name}: a required column cannot be absent from a file"
            raise ValueError(msg)
        if self.personal and self.not_personal:
            msg = f"{self.name}: it is personal or it is not; take back `personal` or `not_personal`"
            raise ValueError(msg)
        if self.type == "decimal" and self.scale > self.precision:
            msg = f"{self.name}: a decimal of {self.precision} digits cannot have {self.scale} after the point"
            raise ValueError(msg)
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            msg = f"{self.name}: {self.timezone!r} is no time zone such as America/New_York"
            raise ValueError(msg) from error
        return self

    @model_validator(mode="after")
    def _rules_can_be_kept(self, info: ValidationInfo) -> Self:
        if not is_kept(info) and (fault := self._fault()):
            msg = f"{self.name}: {fault}"
            raise ValueError(msg)
        return self

    def _fault(self) -> str:
        """Which rule no value could keep, and the next move."""
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            return f"minimum {self.minimum:g} lies above maximum {self.maximum:g}; exchange them"
        if self.earliest > self.latest:
            return f"earliest {self.earliest} lies after latest {self.latest}; exchange them"
        if self.allowed == ():
            return "allowed names no value; name some, or leave it out"
        if found := _uncomposed(self.allowed or ()):
            return f"allowed names {found!r}, which no text equals, since all are composed (NFC); write it composed"
        if self.pattern is not None and (fault := pattern_fault(self.pattern)):
            return f"pattern {self.pattern!r} cannot be read ({fault}); correct it"
        return ""


class RowRule(Value):
    """What the columns of one row must say together: SQL over the typed columns; a row where it is null passes."""

    name: str
    check: str
    words: str

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        return _name(name, "rule")


class ExpectedKeys(Value):
    """How many keys a delivery should bring: a number, another table's date, or recent history."""

    source: Literal["fixed", "table", "trailing"]
    count: AtLeastOne | None = None
    table: str | None = None
    days: AtLeastOne = 28
    floor: Share = 0.5  # under this share of the expected keys a delivery is refused

    @model_validator(mode="after")
    def _source_is_told(self, info: ValidationInfo) -> Self:
        told = {"fixed": ("count", self.count), "table": ("table", self.table)}
        field, value = told.get(self.source, ("", ""))
        if value is None and not is_kept(info):
            msg = f"expected keys of source {self.source!r} are told by `{field}`; state it"
            raise ValueError(msg)
        return self


class FileLimits(Value):
    """How much a delivery may bring; what goes beyond is refused before it is unpacked, parsed or kept."""

    files: AtLeastOne = 1000
    size: AtLeastOne = 1 << 30  # bytes of all its files, as they are sent
    unpacked: AtLeastOne = 4 << 30  # bytes of one file
    ratio: AtLeastOne = 200  # of unpacked to packed bytes, where there are many
    columns: AtLeastOne = 2000
    line: AtLeastOne = 1 << 20  # bytes of one line of text, and so of a cell
    parquet: AtLeastOne = Field(default=1 << 26, lt=1 << 31)  # bytes of one Parquet file, which Spark holds in one piece


class Retention(Value):
    """For how many days after its data date something of a table is kept; None means for ever."""

    landing_days: int | None = Field(default=None, ge=1)  # the bytes as they came
    quarantine_days: int | None = Field(default=None, ge=1)  # the rows that broke a rule


class TableContract(Value):
    """What one table promises: columns, keys, row rules, readiness and limits."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    kind: Literal["daily", "reference"] = "daily"
    lag_days: int = 0  # the night of D brings this table's data of D - lag_days
    expected: ExpectedKeys | None = None
    rules: tuple[RowRule, ...] = ()
    date_of: str = ""  # SQL over the typed columns: the data date that a row itself speaks of
    late: Literal["quarantine", "keep"] = "quarantine"  # rows of an earlier date than their delivery's
    late_days: int = Field(default=0, ge=0)  # how much earlier, where they are kept
    identity: tuple[str, ...] = ()  # columns whose values belong to one date only; seen under two, the audit warns
    quarantine_limit: Share = 0.05  # share of rows in quarantine above which the audit refuses
    quarantine_limits: dict[str, Share] = Field(default_factory=dict)  # the same by a row's first reason, or by its family
    formats: tuple[FileFormat, ...] = ("csv", "jsonl", "parquet")  # in which its files may come
    delimiter: Literal[",", ";", "\t", "|"] = ","  # of its CSV files
    null_words: tuple[str, ...] = ("NA",)  # cells of CSV that say, as an empty one does, that there is no value
    limits: FileLimits = FileLimits()
    retention: Retention = Retention()
    version: int = 1
    owner: str = "data-platform"
    breaks: str = ""  # why this version may break what an earlier one promised; a later break needs words of its own

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        return _name(name, "table")

    @field_validator("null_words")
    @classmethod
    def _words_are_told_apart(cls, words: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not is_kept(info) and (found := _uncomposed(words)):
            msg = f"null_words names {found!r}, which no text equals, since all are composed (NFC); write it composed"
            raise ValueError(msg)
        if "" in words or len(set(words)) < len(words):
            msg = f"null_words {words} has an empty word, which is null in any case, or one twice"
            raise ValueError(msg)
        return words

    @model_validator(mode="after")
    def _limits_name_reasons(self) -> Self:
        subjects = {family: [column.name for column in self.columns if column.has_rule(family)] for family in OF_A_COLUMN}
        subjects["rule"] = [rule.name for rule in self.rules]
        parts = {limit: limit.partition(":") for limit in self.quarantine_limits}
        if unknown := sorted(limit for limit, (family, _, _) in parts.items() if family not in FAMILIES):
            msg = f"{self.name}: quarantine_limits names {unknown}; the families are {', '.join(FAMILIES)}"
            raise ValueError(msg)
        for limit, (family, colon, subject) in parts.items():
            if colon and subject not in subjects.get(family, ()):
                known = ", ".join(subjects.get(family, ())) or "nothing"
                msg = f"{self.name}: quarantine_limits names {limit!r}; in a limit {family} can be followed by {known}"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _late_rows_have_a_date(self) -> Self:
        if (self.late == "keep" or self.late_days) and not self.date_of:
            msg = f"{self.name}: late rows are known by `date_of`, which says which date a row speaks of"
            raise ValueError(msg)
        if (self.late == "keep") != bool(self.late_days):
            msg = f"{self.name}: late='keep' and late_days belong together: how many days a row may be late"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _rows_are_told_apart(self, info: ValidationInfo) -> Self:
        names = [column.name for column in self.columns]
        if not self.key and not is_kept(info):
            msg = f"{self.name}: its key names no column, so that all rows were one; name what identifies a row of a date"
            raise ValueError(msg)
        if len(set(names)) < len(names) and not is_kept(info):
            doubled = sorted({name for name in names if names.count(name) > 1})
            msg = f"{self.name}: it has columns of one name ({', '.join(doubled)}); give each its own"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _keys_are_columns(self) -> Self:
        missing = {*self.key, *self.identity} - {column.name for column in self.columns}
        if missing:
            msg = f"{self.name}: key columns {sorted(missing)} are not in the contract"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _personal_columns_carry_nothing(self) -> Self:
        asked = {"the key": " ".join(self.key), "`identity`": " ".join(self.identity), "`date_of`": self.date_of}
        asked |= {f"the rule {rule.name}": rule.check for rule in self.rules}
        for column in self.columns:
            users = [what for what, text in asked.items() if column.personal and names_column(text, column.name)]
            if users:
                msg = f"{self.name}: {column.name} is personal and masked in the table, so {users[0]} cannot build on it"
                raise ValueError(msg)
        return self

    def needed(self, form: FileFormat) -> set[str]:
        """The columns that a file cannot lack.

        Writers of JSON leave out what is null. So of JSON they are those that a row must fill, and those that something of the
        contract looks at, which without them would pass every row.
        """
        named = {column.name for column in self.columns if not column.may_be_absent}
        if form != "jsonl":
            return named
        asked = [*self.key, *self.identity, self.date_of, *(rule.check for rule in self.rules)]
        looked_at = {column.name for column in self.columns if any(names_column(sql, column.name) for sql in asked)}
        return (looked_at | {column.name for column in self.columns if column.required}) & named

    def brings(self, names: Sequence[str], form: FileFormat) -> bool:
        """Whether the names of a file's columns are the contract's, in any order and without those that it may lack."""
        wanted = {column.name for column in self.columns}
        return len(set(names)) == len(names) and self.needed(form) <= set(names) <= wanted

    @property
    def word(self) -> str:
        """The table with its contract's version, as run keys and receipts name it."""
        return f"{self.name}{self.version}"


def _name(name: str, what: str) -> str:
    if not NAME.fullmatch(name):
        msg = f"{what} name {name!r} does not match {NAME.pattern}"
        raise ValueError(msg)
    return name


def _uncomposed(words: Iterable[str]) -> str:
    """The first that is not in Unicode's composed form; empty where there is none."""
    return next((word for word in words if not is_normalized("NFC", word)), "")
