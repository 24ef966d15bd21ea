"""Which columns an SQL expression names: by Spark's ways, not by those of a search for words."""

import pytest

from lakeloop.core.contract import Column, RowRule, TableContract
from lakeloop.core.sql_text import bare, names_column, with_one_text


@pytest.mark.parametrize(
    ("sql", "is_named"),
    [
        ("year > 2000", True), ("YEAR > 2000", True), ("`year` > 2000", True), ("`Year`>2000", True), ("ts.year > 2000", True),
        ("year(ts) = year", True), ("year IN (1, 2)", True), ("note <> 'it''s' AND year > 1", True), ("1 -- it's\n < year", True),
        (r"note <> r'\' AND year > 1", True), ("note <> '--' AND year > 1", True), ("note <> '/*' AND year > 1", True),
        ("year(ts) > 2000", False), ("YEAR (ts) > 2000", False), ("date_part('year', ts) > 2000", False), ("years > 1", False),
        ('note = "a year"', False), (r"note = 'a \' year'", False), ("note = 'a '' year'", False), ("a > 1 -- a year", False),
        ("a > 1 /* a\nyear */", False), ("the_year > 1", False),
    ],
)  # fmt: skip
def test_a_column_is_named_in_any_case_and_neither_by_a_text_nor_by_a_function(sql: str, is_named: bool) -> None:
    assert names_column(sql, "year") is is_named


def test_texts_give_way_to_one_but_for_those_that_have_a_type() -> None:
    sql = "a = 'x -- y' /* 'z */ OR `b'` > DATE '2024-01-01' -- it's\n OR c = \"d\""
    assert with_one_text(sql, "§") == "a = '§'   OR `b'` > DATE '2024-01-01'  \n OR c = '§'"
    assert bare(sql) == "a = ''   OR `b'` > ''  \n OR c = ''"


def test_what_a_contract_looks_at_is_told_from_its_sql_as_spark_reads_it() -> None:
    columns = tuple(Column(name=name, type="string") for name in ("id", "fl_date", "year", "tail"))
    rules = (
        RowRule(name="a", check="id <> 'year' -- a", words=""),
        RowRule(name="b", check="year(fl_date) > 1 AND Tail <> 'b'", words=""),
    )
    contract = TableContract(name="t", columns=columns, key=("id",), date_of="to_date(FL_DATE)", rules=rules)
    assert contract.needed("jsonl") == {"id", "fl_date", "tail"}


def test_a_rule_builds_on_a_personal_column_whatever_its_case() -> None:
    columns = (Column(name="id", type="int"), Column(name="email", type="string", personal=True))
    rules = (RowRule(name="a", check="EMAIL <> ''", words=""),)
    with pytest.raises(ValueError, match="email is personal .* the rule a cannot build on it"):
        TableContract(name="t", columns=columns, key=("id",), rules=rules)
