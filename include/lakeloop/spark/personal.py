"""The scanner for personal data that nobody marked: by a column's name, and by what its published values look like."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.personal import spoken_of
from lakeloop.core.reports import SUSPECT, Check
from lakeloop.spark.measures import Answers
from lakeloop.spark.questions import Question
from lakeloop.spark.tables import among

_SHARE = 0.2  # of the filled cells of a date that look like a person's
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_FORMS = {  # of the whole cell; each fails at once on most texts
    "e-mail addresses": r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,}",
    "phone numbers": r"\+[1-9][\d ()-]{6,18}\d|(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}",
    "social security numbers": r"(?!000|666|9)\d{3}-\d{2}-\d{4}",
    "IP addresses": rf"(?:{_BYTE}\.){{3}}{_BYTE}|(?:[0-9a-fA-F]{{1,4}}:){{7}}[0-9a-fA-F]{{1,4}}|(?=.*::)[0-9a-fA-F:]{{3,39}}",
    "IBANs": r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}",
    "card numbers": r"[2-6](?:[ -]?\d){12,18}",
}
_LEAST_BARE = 7  # signs of the shortest form that has neither an @ nor a colon: 1.2.3.4
_LEAST_CARD = 10**12
_ASCII_BEFORE_A_IS_10 = 55
Suspects = Mapping[date, Mapping[str, str]]  # date -> column -> what it looks like


def looks_questions(frame: DataFrame, contract: TableContract, dates: Iterable[date]) -> list[Question]:
    """Per date, column and kind the cells that look like a person's; not asked where no column can hold any."""
    columns = [column for column in contract.columns if _may_hold(column)]
    if not columns:
        return []
    kinds = {column.name: _kind(column) for column in columns}
    seen = frame.where(among(DATE_COLUMN, dates)).where(F.coalesce(*kinds.values()).isNotNull())  # few rows are taken apart
    looks = F.explode(F.array(*(F.struct(F.lit(name).alias("column"), kind.alias("kind")) for name, kind in kinds.items())))
    found = seen.select(DATE_COLUMN, looks.alias("look")).where("look.kind IS NOT NULL")
    counted = found.groupBy(DATE_COLUMN, "look.column", "look.kind").agg(F.count("*").alias("rows"))
    return [Question(f"looks {contract.name}", counted)]


def suspects(contract: TableContract, dates: Sequence[date], answers: Mapping[str, Answers]) -> Suspects:
    """The columns of each date that look personal, though their contract says nothing of it."""
    filled = dict(answers.get(f"profile {contract.name}", ()))
    named = {column.name: f"is named like {what}" for column in contract.columns if (what := spoken_of(column))}
    found: dict[date, dict[str, str]] = {day: dict(named) for day in dates}
    for day, kinds in _by_date(answers.get(f"looks {contract.name}", ())).items():
        for column, seen in kinds.items():
            share = seen.total() / filled[day][f"filled__{column}"]
            if share >= _SHARE and column not in named:
                found[day][column] = f"holds what looks like {seen.most_common(1)[0][0]} in {share:.0%} of its cells"
    return found


def personal_checks(contract: TableContract, found: Mapping[str, str]) -> list[Check]:
    """One check a suspected column, or one that says there is none."""
    asked = "no personal data that the contract does not mark"
    if not found:
        return [Check(name="personal", observed=0.0, expected=asked, passed=True)]
    return [
        Check(
            name=f"{SUSPECT}{column}", observed=None, expected=asked, passed=False,
            words=f"{contract.name}.{column} {what} and is not marked: say personal=True, or not_personal='why', "
            f"in the contract and count its version up",
        )
        for column, what in sorted(found.items())
    ]  # fmt: skip


def _may_hold(column: Column) -> bool:
    """A set of allowed values is public; of numbers only those of cards can be told from others."""
    is_open = column.type == "int" or (column.type == "string" and column.allowed is None)
    return is_open and not column.personal and not column.not_personal


def _kind(column: Column) -> SparkColumn:
    value = F.col(f"`{column.name}`")
    if column.type == "int":
        return F.when((value >= _LEAST_CARD) & _is_card(value.cast("string")), F.lit("card numbers"))
    form = {kind: value.rlike(_whole(pattern)) for kind, pattern in _FORMS.items()}
    form["card numbers"] &= _is_card(value)
    form["IBANs"] &= _is_iban(value)
    kinds = F.coalesce(*(F.when(looks, F.lit(kind)) for kind, looks in form.items()))
    is_long_enough = (F.length(value) >= _LEAST_BARE) | value.contains("@") | value.contains(":")  # most codes are not
    return F.when(is_long_enough & value.rlike(_whole("|".join(_FORMS.values()))), kinds)  # one look at the many that are none


def _whole(pattern: str) -> str:
    return rf"\A(?:{pattern})\z"


def _is_card(text: SparkColumn) -> SparkColumn:
    digits = F.regexp_replace(text, "[ -]", "")
    return digits.rlike(_whole(_FORMS["card numbers"])) & F.call_function("luhn_check", digits)


def _is_iban(text: SparkColumn) -> SparkColumn:
    bare = F.replace(text, F.lit(" "), F.lit(""))
    turned = F.concat(F.substring(bare, 5, 30), F.substring(bare, 1, 4))
    return F.aggregate(F.split(turned, ""), F.lit(0), _remainder) == 1


def _remainder(rest: SparkColumn, one: SparkColumn) -> SparkColumn:
    """Modulo 97, sign by sign: the whole number fits no type."""
    letter = rest * 100 + F.ascii(one) - _ASCII_BEFORE_A_IS_10
    return F.when(one.between("0", "9"), rest * 10 + F.ascii(one) - F.ascii(F.lit("0"))).otherwise(letter) % 97


def _by_date(looks: Answers) -> dict[date, dict[str, Counter[str]]]:
    found: dict[date, dict[str, Counter[str]]] = {}
    for day, answer in looks:
        found.setdefault(day, {}).setdefault(answer["column"], Counter())[answer["kind"]] += answer["rows"]
    return found
