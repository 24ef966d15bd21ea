"""A contract that contradicts itself is refused where it is written, in a sentence that names the column."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from lakeloop.core.contract import Column, ExpectedKeys, FileLimits, RowRule, TableContract

NAN, INF = float("nan"), float("inf")
ID = Column(name="id", type="string", required=True)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"type": "string", "minimum": 1}, "minimum says nothing of a string"),
        ({"type": "int", "earliest": "2024-01-01", "timezone": "Asia/Tokyo"}, "earliest, timezone says nothing of a int"),
        ({"type": "double", "scale": 3}, "scale says nothing of a double"),
        ({"type": "date", "repeated_hour": "later"}, "repeated_hour says nothing of a date"),
        ({"type": "decimal", "precision": 4, "scale": 5}, "a decimal of 4 digits cannot have 5 after the point"),
        ({"type": "decimal", "precision": 39}, "less than or equal to 38"),
        ({"type": "timestamp", "timezone": "New York"}, "'New York' is no time zone such as America/New_York"),
        ({"type": "timestamp", "timezone": "../etc"}, "is no time zone"),
        ({"type": "float"}, "Input should be"),
        ({"type": "string", "personal": True, "not_personal": "a mail box"}, "x: it is personal or it is not"),
        ({"type": "int", "minimun": 0}, "Extra inputs are not permitted"),
        ({"type": "int", "allowed": ("1",)}, "x: allowed says nothing of a int; say it in a row rule, as `x IN "),
        ({"type": "date", "pattern": "2024-.*"}, "x: pattern says nothing of a date; say it in a row rule"),
        ({"type": "int", "minimum": 2, "maximum": 1}, "x: minimum 2 lies above maximum 1; exchange them"),
        ({"type": "int", "minimum": NAN}, "x: minimum is nan; say a number, or leave it out"),
        ({"type": "int", "maximum": INF}, "x: maximum is inf; say a number, or leave it out"),
        ({"type": "date", "around_days": -1}, "x: around_days is -1; say a number that is 0 or more"),
        ({"type": "date", "earliest": "2200-01-01"}, "x: earliest 2200-01-01 lies after latest 2199-12-31; exchange them"),
        ({"type": "string", "allowed": ()}, "x: allowed names no value; name some, or leave it out"),
        (
            {"type": "string", "allowed": ("b", "a\u0308")},
            "x: allowed names 'a\u0308', which no text equals, .* composed",
        ),
        (
            {"type": "string", "pattern": "[A-Z"},
            r"x: pattern '\[A-Z' cannot be read \(unterminated character set .*correct it",
        ),
        ({"type": "string", "pattern": "(a"}, r"cannot be read \(missing \)"),
        ({"type": "string", "pattern": "*a"}, r"cannot be read \(nothing to repeat"),
    ],
)
def test_a_column_whose_rules_do_not_fit_is_refused(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Column(name="x", **asked)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"key": ("nobody",)}, r"t: key columns \['nobody'\] are not in the contract"),
        ({"quarantine_limits": {"tpye": 0.1}}, r"t: quarantine_limits names \['tpye'\]; the families are malformed, "),
        ({"quarantine_limits": {"tpye:id": 0.1}}, r"t: quarantine_limits names \['tpye:id'\]; the families are malformed, "),
        (
            {"quarantine_limits": {"range:dep": 0.1}},
            "t: quarantine_limits names 'range:dep'; in a limit range can be followed by nothing",
        ),
        ({"quarantine_limits": {"range:id": 0.1}}, "'range:id'; in a limit range can be followed by nothing"),
        ({"quarantine_limits": {"rule:id": 0.1}}, "'rule:id'; in a limit rule can be followed by nothing"),
        ({"quarantine_limits": {"malformed:": 0.1}}, "'malformed:'; in a limit malformed can be followed by nothing"),
        ({"quarantine_limits": {"type:": 0.1}}, "'type:'; in a limit type can be followed by id"),
        ({"null_words": ("NA", "")}, "has an empty word, which is null in any case"),
        ({"null_words": ("NA", "NA")}, "or one twice"),
        ({"late_days": 2}, "late rows are known by `date_of`"),
        ({"late": "keep", "date_of": "sent"}, "late='keep' and late_days belong together"),
        ({"late_days": 2, "date_of": "sent"}, "late='keep' and late_days belong together"),
        ({"null_words": ("NA", "a\u0308")}, "null_words names 'a\u0308', which no text equals"),
        ({"key": ()}, "t: its key names no column, so that all rows were one; name what identifies a row"),
        ({"columns": (ID, ID)}, r"t: it has columns of one name \(id\); give each its own"),
    ],
)
def test_a_table_whose_fields_contradict_each_other_is_refused(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TableContract(**{"name": "t", "columns": (ID,), "key": ("id",)} | asked)


@pytest.mark.parametrize("share", [-0.01, 1.01, 5, NAN, INF])
def test_a_limit_that_is_no_share_is_refused_where_it_would_switch_its_guard_off(share: float) -> None:
    for limit in ({"quarantine_limit": share}, {"quarantine_limits": {"type": share}}):
        with pytest.raises(ValidationError, match=f"t: {next(iter(limit))} is {share:g}; say a share from 0 to 1"):
            TableContract(name="t", columns=(ID,), key=("id",), **limit)
    with pytest.raises(ValidationError, match=f"floor is {share:g}; say a share from 0 to 1"):
        ExpectedKeys(source="trailing", floor=share)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"source": "fixed"}, "expected keys of source 'fixed' are told by `count`; state it"),
        ({"source": "table"}, "expected keys of source 'table' are told by `table`; state it"),
        ({"source": "fixed", "count": 0}, "count is 0; say a number that is 1 or more"),
        ({"source": "trailing", "days": 0}, "days is 0; say a number that is 1 or more"),
    ],
)
def test_keys_that_nothing_tells_cannot_be_expected(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ExpectedKeys(**asked)


@pytest.mark.parametrize("limit", sorted(FileLimits.model_fields))
def test_a_limit_that_no_file_keeps_is_refused(limit: str) -> None:
    with pytest.raises(ValidationError, match=f"{limit} is 0; say a number that is 1 or more"):
        FileLimits(**{limit: 0})


@pytest.mark.parametrize("pattern", [r"\p{L}+", r"(?<year>\d{4})", "[a-z&&[^b]]", r"\Q[\E.*", r"[a[(]]", r"\d++"])
def test_a_pattern_that_java_reads_is_taken_whatever_python_says_of_it(pattern: str) -> None:
    assert Column(name="x", type="string", pattern=pattern).pattern == pattern


def test_a_limit_names_a_family_or_a_whole_reason() -> None:
    limits = {"type": 0.1, "type:id": 0.01, "rule:sound": 0.0, "refused": 0.0}
    rules = (RowRule(name="sound", check="true", words=""),)
    assert TableContract(name="t", columns=(ID,), key=("id",), rules=rules, quarantine_limits=limits).quarantine_limits == limits


def test_a_rule_s_name_stands_in_reasons_and_holds_no_blank() -> None:
    with pytest.raises(ValidationError, match="rule name 'dear and not insured' does not match"):
        RowRule(name="dear and not insured", check="true", words="")


@pytest.mark.parametrize(
    ("names", "is_brought"),
    [
        (["id", "note"], True), (["note", "id"], True), (["id"], True), (["note"], False), (["id", "id"], False),
        (["id", "note", "more"], False), ([], False),
    ],
)  # fmt: skip
def test_a_file_brings_every_column_but_those_that_may_be_absent(names: list[str], is_brought: bool) -> None:
    columns = (Column(name="id", type="int"), Column(name="note", type="string", may_be_absent=True))
    contract = TableContract(name="t", columns=columns, key=("id",))
    assert contract.brings(names, "csv") is contract.brings(names, "parquet") is is_brought


def test_of_json_lines_only_what_a_row_must_fill_is_asked_for() -> None:
    columns = (Column(name="id", type="int"), Column(name="note", type="string"), Column(name="at", type="date", required=True))
    contract = TableContract(name="t", columns=columns, key=("id",))
    assert (contract.needed("jsonl"), contract.needed("csv")) == ({"id", "at"}, {"id", "note", "at"})
    assert [contract.brings(names, "jsonl") for names in (["at", "id"], ["id"], ["at", "id", "more"])] == [True, False, False]


@pytest.mark.parametrize(
    "asked",
    [
        {"rules": (RowRule(name="later", check="id > 0 OR `note` < 'b'", words=""),)},
        {"date_of": "to_date(note)"},
        {"identity": ("note",)},
    ],
    ids=["a rule", "date_of", "identity"],
)
def test_of_json_lines_is_asked_for_what_the_contract_looks_at(asked: dict[str, Any]) -> None:
    columns = (Column(name="id", type="int"), Column(name="note", type="string"), Column(name="notes", type="string"))
    contract = TableContract(name="t", columns=columns, key=("id",), **asked)
    assert contract.needed("jsonl") == {"id", "note"}
    absent = tuple(column.model_copy(update={"may_be_absent": column.name == "note"}) for column in columns)
    assert contract.model_copy(update={"columns": absent}).needed("jsonl") == {"id"}


EMAIL = Column(name="email", type="string", personal=True)


@pytest.mark.parametrize(
    ("asked", "user"),
    [
        ({"key": ("id", "email")}, "the key"),
        ({"identity": ("email",)}, "`identity`"),
        ({"date_of": "to_date(email)"}, "`date_of`"),
        ({"rules": (RowRule(name="known", check="email IS NOT NULL", words=""),)}, "the rule known"),
    ],
)
def test_nothing_of_a_table_builds_on_a_personal_column(asked: dict[str, Any], user: str) -> None:
    with pytest.raises(ValidationError, match=f"t: email is personal and masked in the table, so {user} cannot build on it"):
        TableContract(name="t", columns=(ID, EMAIL), **{"key": ("id",)} | asked)
