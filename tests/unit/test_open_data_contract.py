"""Contracts go out as documents of the standard and come back as they were."""

import json
import re
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from open_data_contract_standard.model import OpenDataContractStandard

from lakeloop.adapters.open_data_contract import exported, imported
from lakeloop.core.contract import Column, RowRule, TableContract
from lakeloop.core.contract_source import as_python
from lakeloop.core.errors import InvalidInput
from use_cases.flights import FLIGHTS

TEXT = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1)  # what can be written in a document by hand
COMPOSED = TEXT.map(lambda text: normalize("NFC", text))
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


def test_the_flights_come_back_as_they_went() -> None:
    assert imported(exported(FLIGHTS)) == FLIGHTS.tables


def test_what_was_imported_is_written_as_the_python_that_states_it() -> None:
    module: dict[str, object] = {}
    exec(as_python(imported(exported(FLIGHTS))), module)  # noqa: S102  # our own text
    assert module["TABLES"] == FLIGHTS.tables


def test_a_document_has_what_readers_of_the_standard_look_for() -> None:
    document = OpenDataContractStandard.from_string(exported(FLIGHTS))
    assert (document.kind, document.version) == ("DataContract", FLIGHTS.contract_version())
    schedule = (document.schema_ or [])[0]
    origin = next(one for one in schedule.properties or [] if one.name == "origin")
    assert (origin.logicalType, origin.required, origin.primaryKeyPosition) == ("string", True, 3)
    assert [each.value for each in origin.enum or []] == ["EWR", "JFK", "LGA"]
    schema = json.loads(OpenDataContractStandard.json_schema())
    assert set(schema["required"]) <= set(document.model_dump(by_alias=True, exclude_none=True))


COLUMNS = st.one_of(
    st.builds(
        Column, name=NAMES, type=st.just("string"), required=st.booleans(), pattern=st.none() | TEXT.map(re.escape),
        allowed=st.none() | st.lists(COMPOSED, min_size=1).map(tuple), invisible=st.booleans(), description=st.just("") | TEXT,
    ),
    st.builds(Column, name=NAMES, type=st.sampled_from(["int", "double", "decimal"]), minimum=st.none() | st.floats(-1e6, 1e6)),
    st.builds(Column, name=NAMES, type=st.just("timestamp"), timezone=st.sampled_from(["UTC", "America/New_York"]), unit=TEXT),
    st.builds(Column, name=NAMES, type=st.sampled_from(["bool", "date"]), required=st.booleans(), not_personal=TEXT),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(COLUMNS, min_size=1, unique_by=lambda column: column.name), st.integers(1, 9), st.floats(0, 1),
       st.lists(COMPOSED, unique=True, max_size=3).map(tuple))  # fmt: skip
def test_any_contract_comes_back_as_it_went(columns: list[Column], version: int, limit: float, words: tuple[str, ...]) -> None:
    contract = TableContract(
        name="t", columns=tuple(columns), key=(columns[-1].name,), version=version, quarantine_limit=limit, lag_days=2,
        rules=(RowRule(name="sound", check="a > 1", words="as the sender says"),), null_words=words,
    )  # fmt: skip
    assert imported(exported(FLIGHTS.model_copy(update={"tables": (contract,)}))) == (contract,)


def test_personal_columns_are_classified_in_the_standard_s_own_field() -> None:
    columns = (Column(name="id", type="string"), Column(name="email", type="string", personal=True))
    contract = TableContract(name="t", columns=columns, key=("id",))
    text = exported(FLIGHTS.model_copy(update={"tables": (contract,)}))
    assert "classification: personal" in text
    assert imported(text) == (contract,)
    assert imported(text.replace("classification: personal", "classification: PII")) == (contract,)


FOREIGN = """
apiVersion: v3.0.2
kind: DataContract
id: supplier-1
version: 1.2.0
status: active
schema:
  - name: orders
    properties:
      - {name: order_id, logicalType: integer, primaryKey: true, primaryKeyPosition: 1, required: true}
      - {name: placed, logicalType: timestamp, physicalType: TIMESTAMP_NTZ}
      - {name: amount, logicalType: number, logicalTypeOptions: {minimum: 0}}
"""


def test_a_supplier_s_own_document_becomes_a_contract() -> None:
    (orders,) = imported(FOREIGN)
    assert orders.key == ("order_id",)
    assert [(column.name, column.type, column.required, column.minimum) for column in orders.columns] == [
        ("order_id", "int", True, None), ("placed", "timestamp", False, None), ("amount", "double", False, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no document"),
        ("a: [", "no document"),
        ("nonsense: 1", "nonsense"),
        ("kind: DataContract", "has no schema"),
        (FOREIGN.replace("primaryKey: true, ", ""), "orders has no property with primaryKey"),
        (FOREIGN.replace("logicalType: number", "logicalType: array"), "orders.amount is of the type 'array'"),
        (FOREIGN.replace("name: orders", "name: ORDERS"), "ORDERS cannot be a contract here (name: table name 'ORDERS'"),
    ],
)
def test_what_cannot_be_a_contract_says_where_and_why(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match="nothing was imported") as caught:
        imported(text)
    assert why in str(caught.value)
