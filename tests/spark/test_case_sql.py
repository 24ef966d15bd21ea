"""SQL of a case that means nothing, or another value than its author sees, is refused before a row is read."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from lakeloop.core.contract import RowRule, TableContract
from lakeloop.core.errors import ConfigurationError
from lakeloop.core.use_case import Agreement, DriftPolicy, Identity, Settlement, UseCase
from lakeloop.spark.case_sql import check_sql
from lakeloop.spark.conf import NULL_FOR_ERRORS, set_for
from tests.spark.small_parcels import CONTRACT, PARCELS
from use_cases.flights import FLIGHTS

NAME = CONTRACT.name


def case_of(**asked: object) -> UseCase:
    return PARCELS.model_copy(update={"tables": (CONTRACT.model_copy(update={"rules": (), "date_of": "", **asked}),)})


def rule(check: str) -> dict[str, object]:
    return {
        "rules": (RowRule(name="sound", check="price < 500 OR insured", words=""), RowRule(name="odd", check=check, words=""))
    }


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (rule("wieght > 1"), "rule odd 'wieght > 1' is not understood"),
        (rule("weight + 1"), "rule odd 'weight [+] 1' is double, not boolean"),
        (rule("weight > ("), "rule odd .* is not understood"),
        (rule("max(weight) > 1"), "rule odd .* is not understood"),
        (rule("sum(weight) OVER () > 1"), "rule odd .* is not understood"),
        (rule("explode(array(insured))"), "rule odd .* is not understood"),
        (rule("INTERVAL 'x' DAY > INTERVAL '1' DAY"), "rule odd .* is not understood"),
        (rule("insured AS one"), "rule .* is not understood"),
        (rule("insured) AS a, (insured"), "rule odd .* is not understood"),
        ({"date_of": "picked"}, "date_of 'picked' is timestamp, not date; nothing was written; correct it"),
    ],
)
def test_a_rule_that_is_no_condition_on_the_columns_is_refused(spark: SparkSession, asked: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=f"parcels: .*{words}"):
        check_sql(spark, case_of(**asked), [NAME])


NARROWED = [
    "int(pieces) < 1000", "INT (pieces) < 1000", "cast(pieces AS int) < 1000", "pieces::int < 1000", "bigint(weight) = 1",
    "cast(round(weight, 1) AS BIGINT) = 1", "weight::smallint = 1", "tinyint(pieces) = 1", "cast(weight as long) = 1",
    "smallint(pieces) = 1", "cast(pieces as byte) = 1", "cast(price as integer) = 1", "cast(note AS short) = 1",
]  # fmt: skip
NARROWED += [
    "pieces > 0 -- it's\n AND int(pieces) = 1",
    "note <> '--' AND int(pieces) = 1",
    "note <> '/*' AND pieces::int = 1 /* ' */",
]
UNSAID = [
    "note < 100", "note = 1", "note = 1.9", "100 > note", "note + 1 > 2", "note BETWEEN 1 AND 5", "note = pieces", "price > note",
    "NOTE < 5", "-note > 1", "substring(note, 1, 2) < 5", "coalesce(note, '0') < 5", "abs(note) < 5", "trim(lower(note)) < 5",
    "coalesce(trim(note), '0') < 5", "note || raw > 5", "nullif(note, 1) = 'a'", "equal_null(note, 1)",
    "decode(note, 1, true, false)", "try_add(note, 1) > 1", "pieces = nvl(note, 1)", "try_multiply(raw, note) > 1",
    "double(note) > 5", "cast(note AS double) > 5", "size = 'small' AND note < 100",
    "date_part('dow', sent) < 6 AND note < 5", "substring(raw, note, 1) = 'a'",
]  # fmt: skip
SMALLER = [
    "substring(note, pieces, 1) = 'a'", "make_date(2024, 1, pieces) > due", "make_date(2024, 1, weight) > due",
    "from_unixtime(price) > '2024'",
]  # fmt: skip


@pytest.mark.parametrize("check", NARROWED)
def test_a_cast_to_an_integer_that_is_no_try_cast_is_refused(spark: SparkSession, check: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"parcels: rule odd .* casts to an integer by .*; nothing .* Next: say `try_cast"
    ):
        check_sql(spark, case_of(**rule(check)), [NAME])


@pytest.mark.parametrize("check", [*UNSAID, *SMALLER])
def test_a_text_that_meets_a_number_and_a_number_that_may_not_fit_are_refused(spark: SparkSession, check: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"parcels: rule odd .* takes `.*` for .* whether it fits or not; .* Next: say `try_cast"
    ):
        check_sql(spark, case_of(**rule(check)), [NAME])


SOUND = [
    "try_cast(note AS bigint) < 100", "try_cast(note AS double) + 1 > 2", "pieces < 1000", "pieces < 1.5 AND weight > 1",
    "price / pieces < 900000", "year(sent) = pieces", "hour(picked) < 24 AND length(note) < 5", "note IN ('1', '2')",
    r"note = '1.9' OR note LIKE '5%' OR note RLIKE '\\(\\d'", "sent > '2024-01-01'", "due >= DATE '2024-01-01'", "weight = 1",
    "picked > TIMESTAMP '2024-01-01 00:00:00' - INTERVAL '1' DAY", "concat(note, pieces) = 'a1'",
    "note BETWEEN 'a' AND 'b'", "pieces BETWEEN 1 AND 5.5",
    "nullif(note, '') = 'a' OR equal_null(note, raw)", "sent BETWEEN due AND date_add(due, 2)",
    "year(sent) BETWEEN 2000 AND 2100", "try_divide(price, pieces) > weight", "weight > 1e3", "coalesce(pieces, 0) > 1",
    "CASE WHEN insured THEN 1 ELSE 2 END < pieces", "substring(note, try_cast(pieces AS int), 1) = 'a'", "sent = data_date",
    "floor(weight) * 60 + pieces % 100 < weight", "date_part('YEAR', sent) > 2000", "named_struct('a', pieces, 'b', 2).a > 1",
    "note <> 'it''s (' AND size <> \"a, b)\"", "pieces > 1 -- a comment", "try_multiply(pieces, pieces) > 0", "exp(pieces) > 1",
    "decode(pieces, 1, 'AA', 2, 'UA') = note", "date_part('YEAR', sent) = pieces", "forall(sequence(1, pieces), k -> k > 0.5)",
    "date_part('dow', sent) < 6", "size IN ('a', 'b') AND pieces IN (1, 2)", "weight <> double('NaN')",
    "note = 'cast(note#1 as int)'",
    "note <> 'int(note)' -- nor int(note)", "struct(pieces AS int).int = 1",
    "r'\\' = note OR note = ''", "note <> '/*' OR note = '*/'",
    "pieces > 0 -- it's\n AND note <> 'it'", "`note` = '`' OR size = 'a -- b'",
    "length(trim(note)) < 5 AND pieces > length(note)",
    "year(to_date(note, 'yyyyMMdd')) > 2000", "note > sent", "coalesce(length(note), 0) * 1.5 < weight",
    "to_number(note, '999') > 5 OR price > 1.5", "datediff(due, sent) * 24 < weight", "size(split(note, ',')) < pieces",
]  # fmt: skip


UNSEEN = [  # which the docs say: made of a text by another function, or beside a text of the author's own
    "split(note, '-')[1] < 5", "CASE WHEN insured THEN note ELSE size END < 5", "exists(split(note, ','), one -> one > 5)",
    "substring(note, 1, 2) BETWEEN 1 AND 5", "pieces = '1.9'",
]  # fmt: skip


@pytest.mark.parametrize("check", [*SOUND, *UNSEEN])
def test_what_keeps_every_value_is_let_be_and_so_is_what_cannot_be_told(spark: SparkSession, check: str) -> None:
    check_sql(spark, case_of(**rule(check)), [NAME])


RAW = "date_part('dow', sent) < 6 AND note NOT LIKE "  # which Spark understands with its own text only


@pytest.mark.parametrize(
    "text", ["'%, %'", r"'[(]'", "')'", "'(, AS _1'", "'a\nb'", "'== Analyzed Logical Plan =='", "'it''s --'"]
)
def test_texts_that_have_to_be_asked_as_they_are_are_no_matter(spark: SparkSession, text: str) -> None:
    plain = (RowRule(name="plain", check=f"note NOT LIKE {text} AND raw RLIKE '^[(]'", words=""),)
    rules = (*plain, RowRule(name="raw", check=RAW + text, words=""))
    check_sql(spark, case_of(rules=rules), [NAME])
    with pytest.raises(ConfigurationError, match="parcels: rule last .* takes `note`"):
        check_sql(spark, case_of(rules=(*rules, RowRule(name="last", check="note > 5", words=""))), [NAME])


def test_as_many_rules_as_one_likes_are_understood_by_one_question(spark: SparkSession) -> None:
    rules = tuple(RowRule(name=f"r{at}", check=f"coalesce({', '.join(['weight'] * 40)}) > {at}", words="") for at in range(60))
    check_sql(spark, case_of(rules=rules), [NAME])
    with pytest.raises(ConfigurationError, match="rule last"):
        check_sql(spark, case_of(rules=(*rules, RowRule(name="last", check="note > 5", words=""))), [NAME])


SUM = CONTRACT.columns[1].model_copy(update={"name": "sum"})
LATER = TableContract(name="bills", columns=(CONTRACT.columns[0], SUM), key=("id",))
TEXT, BOOLEAN = (Identity(name="i", table=NAME, error=error, bound=1, hint="") for error in ("abs(note - 1)", "weight > 1"))
BY_TEXT, BY_NONE = (
    Settlement(name="s", table=NAME, later="bills", on=("id",), error=error, bound=1, hint="")
    for error in ("abs(weight - sum)", "weight - summ")
)
AGREED = Agreement(table="bills", partner=NAME, on=("id",), share=1, error="abs(weight - sum)")


@pytest.mark.parametrize(
    ("policy", "table", "words"),
    [
        (DriftPolicy(agreements=(AGREED,)), NAME, f"agreement bills-{NAME} .* takes `sum` for double"),
        (DriftPolicy(identities=(TEXT,)), NAME, "identity i .* takes `note` for double"),
        (DriftPolicy(identities=(BOOLEAN,)), NAME, "is boolean, not a number"),
        (DriftPolicy(settlements=(BY_TEXT,)), NAME, "settlement s .* takes `sum` for double"),
        (DriftPolicy(settlements=(BY_TEXT,)), "bills", "settlement s .* takes `sum` for double"),
        (DriftPolicy(settlements=(BY_NONE,)), "bills", "settlement s .* not understood"),
    ],
)
def test_identities_agreements_and_settlements_are_asked_as_rules_are(
    spark: SparkSession, policy: DriftPolicy, table: str, words: str
) -> None:
    case = case_of()
    with pytest.raises(ConfigurationError, match=f"{table}: .*{words}"):
        check_sql(spark, case.model_copy(update={"drift": policy, "tables": (*case.tables, LATER)}), [table])


def test_the_flights_case_says_nothing_of_the_kind(spark: SparkSession) -> None:
    check_sql(spark, FLIGHTS, [table.name for table in FLIGHTS.tables])


def test_the_check_speaks_the_dialect_of_the_rules_and_leaves_the_session_its_own(spark: SparkSession) -> None:
    """Which makes the number a text here; the other dialect makes the text a number, or fails."""
    for ansi in ("true", "false"):
        with set_for(spark, {"spark.sql.ansi.enabled": ansi}):
            check_sql(spark, case_of(**rule("coalesce(note, pieces) = 'a'")), [NAME])
            assert spark.conf.get("spark.sql.ansi.enabled") == ansi


def test_beyond_64_bits_a_number_begins_anew_unless_it_is_tried(spark: SparkSession) -> None:
    with set_for(spark, NULL_FOR_ERRORS):
        asked = (
            "n * 4",
            "n + n",
            "year(DATE '2024-01-01') * 2000000",
            "try_multiply(n, 4)",
            "try_add(n, n)",
            "try_cast(n AS int)",
        )
        found = spark.sql(f"SELECT {', '.join(asked)} FROM (SELECT bigint(4611686018427387904) AS n)").collect()[0]
    assert list(found) == [0, -(2**63), 2024 * 2000000 - 2**32, None, None, None]
