"""Contracts go out as documents of the standard and come back as they were."""

import json
import re
from datetime import date
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from open_data_contract_standard.model import OpenDataContractStandard

from lakeloop.adapters.open_data_contract import exported, imported
from lakeloop.adapters.open_data_contract.columns import PERSONAL_WORDS
from lakeloop.core.contract import Column, RowRule, TableContract
from lakeloop.core.contract_source import as_python
from lakeloop.core.errors import InvalidInput
from lakeloop.settings import REPO_ROOT
from use_cases.flights import FLIGHTS

TEXT = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1)  # what can be written in a document by hand
COMPOSED = TEXT.map(lambda text: normalize("NFC", text))
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


def test_the_flights_come_back_as_they_went() -> None:
    assert imported(exported(FLIGHTS))[:2] == (FLIGHTS.tables, ())


def test_what_was_imported_is_written_as_the_python_that_states_it() -> None:
    module: dict[str, object] = {}
    exec(as_python(imported(exported(FLIGHTS)).tables), module)  # noqa: S102  # our own text
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
    assert imported(exported(FLIGHTS.model_copy(update={"tables": (contract,)})))[:2] == ((contract,), ())


def test_personal_columns_are_classified_in_the_standard_s_own_field() -> None:
    columns = (Column(name="id", type="string"), Column(name="email", type="string", personal=True))
    contract = TableContract(name="t", columns=columns, key=("id",))
    text = exported(FLIGHTS.model_copy(update={"tables": (contract,)}))
    assert "classification: personal" in text
    assert imported(text).tables == (contract,)
    assert imported(text.replace("classification: personal", "classification: PII")).tables == (contract,)


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
    (orders,) = imported(FOREIGN).tables
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
        (FOREIGN.replace("logicalType: timestamp, ", ""), "orders.placed is of the type 'TIMESTAMP_NTZ'"),
        (FOREIGN.replace("name: orders", "name: ORDERS"), "ORDERS cannot be a contract here (name: table name 'ORDERS'"),
    ],
)
def test_what_cannot_be_a_contract_says_where_and_why(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match="nothing was imported") as caught:
        imported(text)
    assert why in str(caught.value)


RICH = """
apiVersion: v3.1.0
kind: DataContract
id: supplier-2
version: 1.0.0
status: active
description: {purpose: orders of a shop}
tags: [finance]
servers: [{server: files, type: local, format: csv}]
team: {name: shop}
price: {priceAmount: 1, priceCurrency: EUR}
slaProperties:
  - {property: latency, value: 4, unit: h}
  - {property: retention, value: 3, unit: y}
customProperties: [{property: refreshed, value: daily}]
schema:
  - name: orders
    physicalType: table
    tags: [daily]
    quality:
      - {metric: rowCount, mustBeGreaterThan: 100}
      - {type: sql, query: "select count(*) from orders where amount < 0", mustBe: 0}
      - {type: library, metric: duplicateValues, arguments: {properties: [order_id]}, mustBe: 0}
    properties:
      - {name: order_id, logicalType: integer, primaryKey: true, required: true, unique: true, logicalTypeOptions: {format: i64}}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(10,2)", logicalTypeOptions: {exclusiveMinimum: 0,
         multipleOf: 5}}
      - {name: share, logicalType: number, physicalType: DOUBLE, logicalTypeOptions: {minimum: 0, exclusiveMaximum: 1}}
      - {name: code, logicalType: string, unique: true, logicalTypeOptions: {minLength: 2, maxLength: 8, pattern: "[A-Z]+"}}
      - {name: due, logicalType: date, physicalType: string, logicalTypeOptions: {format: dd.MM.yyyy, minimum: "2020-01-01"}}
      - {name: placed, logicalType: timestamp, logicalTypeOptions: {timezone: true, defaultTimezone: Europe/Berlin}}
      - {name: buyer, logicalType: string, classification: restricted, tags: [PII], encryptedName: buyer_enc}
      - {name: seller, logicalType: string, classification: confidential, quality: [{metric: nullValues, mustBe: 0}]}
      - {name: shop, logicalType: string, classification: public, examples: [Rome], notNull: true}
"""
PLACES = [
    "slaProperties.latency", "slaProperties.retention", "customProperties.refreshed", "orders.quality.rowCount",
    "orders.quality.sql", "orders.amount.logicalTypeOptions.exclusiveMinimum", "orders.amount.logicalTypeOptions.multipleOf",
    "orders.share.logicalTypeOptions.exclusiveMaximum", "orders.code.unique", "orders.code.logicalTypeOptions.minLength",
    "orders.code.logicalTypeOptions.maxLength", "orders.due.logicalTypeOptions.format",
    "orders.placed.logicalTypeOptions.timezone", "orders.buyer.tags", "orders.buyer.encryptedName",
    "orders.buyer.classification", "orders.seller.quality.nullValues", "orders.seller.classification", "orders.shop.notNull",
]  # fmt: skip


def test_what_decides_about_rows_or_persons_and_no_contract_says_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidInput) as caught:
        imported(RICH)
    said, _, move = str(caught.value).partition("; nothing was imported. Next: ")
    assert said == f"no contract here says {', '.join(PLACES)}"
    assert "`classification: personal`" in move
    assert "--leave-out" in move


def test_it_is_imported_all_the_same_when_it_may_be_left_out_and_all_of_it_is_told() -> None:
    found = imported(RICH, leaves_out=True)
    assert [one.place for one in found.left_out] == PLACES
    assert [(one.name, one.type) for one in found.tables[0].columns][:5] == [
        ("order_id", "int"), ("amount", "decimal"), ("share", "double"), ("code", "string"), ("due", "date"),
    ]  # fmt: skip
    amount, due, placed = (
        next(one for one in found.tables[0].columns if one.name == name) for name in ("amount", "due", "placed")
    )
    assert (amount.precision, amount.scale, due.earliest, placed.timezone) == (10, 2, date(2020, 1, 1), "Europe/Berlin")
    assert {"servers", "team", "price", "tags", "description", "physicalType", "examples"} == set(found.information)


def test_each_is_a_comment_at_its_place_and_the_module_states_the_same_contracts() -> None:
    found = imported(RICH, leaves_out=True)
    written = as_python(found.tables, found.left_out)
    module: dict[str, object] = {}
    exec(written, module)  # noqa: S102  # our own text
    assert module["TABLES"] == found.tables
    assert "from lakeloop.core.contract import Column, TableContract\n" in written
    lines = [line.strip() for line in written.splitlines()]
    at = lines.index("# not imported: orders.amount.logicalTypeOptions.multipleOf: 5")
    assert lines[at + 1].startswith("Column(name='amount'")
    assert lines[lines.index("TABLES = (") - 1].startswith("# not imported: customProperties.refreshed: ")
    table = lines.index("TableContract(")
    assert [line.partition(": {")[0] for line in lines[table - 2 : table]] == [
        "# not imported: orders.quality.rowCount", "# not imported: orders.quality.sql",
    ]  # fmt: skip
    assert sum(line.startswith("# not imported: ") for line in lines) == len(PLACES)


@pytest.mark.parametrize("end", ["\n", "\r", "\x0c", "\x85", "\u2028"])
def test_a_comment_ends_where_its_line_does(end: str) -> None:
    evil = f"{end}raise SystemExit"
    text = FOREIGN.replace("logicalType: number", f"{json.dumps('odd' + evil)}: {json.dumps('x' + evil)}, logicalType: number")
    found = imported(text, leaves_out=True)
    exec(as_python(found.tables, found.left_out), {})  # noqa: S102  # it would raise
    assert len(found.left_out) == 1


@pytest.mark.parametrize(
    ("physical", "kind"),
    [("DECIMAL(10,2)", (10, 2)), ("numeric( 12 , 4 )", (12, 4)), ("NUMBER(9)", (9, 0)), ("decimal(38,0)", (38, 0))],
)
def test_a_decimal_of_a_source_is_one_here(physical: str, kind: tuple[int, int]) -> None:
    text = FOREIGN.replace("logicalType: number", f"logicalType: number, physicalType: '{physical}'")
    amount = imported(text).tables[0].columns[-1]
    assert (amount.type, amount.precision, amount.scale) == ("decimal", *kind)


@pytest.mark.parametrize("word", ["personal", "Personal data", "PII", "phi"])
def test_words_that_mean_a_person_make_a_column_personal(word: str) -> None:
    text = FOREIGN.replace("logicalType: timestamp,", f"logicalType: timestamp, classification: {word},")
    assert [one.personal for one in imported(text).tables[0].columns] == [False, True, False]
    assert word.casefold() in PERSONAL_WORDS
    assert f"`{word.casefold()}`" in (REPO_ROOT / "docs" / "contracts.md").read_text("utf-8")


def test_a_field_that_the_standard_does_not_know_is_told_whatever_it_holds() -> None:
    text = FOREIGN.replace("logicalType: number", "2: {2020-01-01: [x]}, logicalType: number")
    (one,) = imported(text, leaves_out=True).left_out
    assert one.words == "orders.amount.2: {datetime.date(2020, 1, 1): ['x']}"


def test_information_alone_refuses_nothing() -> None:
    found = imported(FOREIGN.replace("status: active", "status: active\ntenant: shops\ndomain: sales"))
    assert (found.left_out, found.information) == ((), ("tenant", "domain", "physicalType"))
