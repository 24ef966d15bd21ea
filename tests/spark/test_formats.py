"""The same rows in every format are the same rows; what a format alone can get wrong has its reason, and its text is kept."""

from __future__ import annotations

import gzip
import io
import json
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeloop.adapters.file_inspector import FileInspector
from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.files import FileShape
from lakeloop.settings import Settings
from lakeloop.spark import write as writing
from lakeloop.spark.connect import ConnectRunner
from lakeloop.spark.heads import miscounts
from lakeloop.spark.objects import _json_batches, _parquet_batches
from tests.spark.small_parcels import CONTRACT, NAMES, NAUGHTY, Landed, Written, counts, line, units_of, write

HEADER = line({name: name for name in NAMES})
ROWS: list[dict[str, str | None]] = [
    {"id": "A1", "note": "plain", "weight": "1.5", "pieces": "2", "price": "12.30", "insured": "true", "size": "small"},
    {"id": "A2", "weight": "1e2", "insured": "false", "due": "2024-05-01", "picked": "2024-05-01T08:00:00Z"},
    {"id": "A3", "note": "é", "pieces": "-7", "picked": "2024-05-01 04:00:00", "due": "2024-05-20"},
]
NUMBERS = ("weight", "pieces")
WRONG_JSON = {
    '{"id": "J1"': ["malformed"],
    '["J2"]': ["malformed"],
    '"J3"': ["malformed"],
    '{"id": "J4", "id": "J5"}': ["repeated_key"],
    '{"id": "J6", "Note": "re-cased"}': ["unknown_key"],
    '{"id": 7}': ["type:id", "pattern:id"],
    '{"id": "J8", "weight": "1.5"}': ["type:weight"],
    '{"id": "J9", "weight": NaN, "pieces": 1.0}': ["type:weight", "type:pieces"],
    '{"id": "K1", "insured": "true", "sent": 20240501}': ["type:insured", "type:sent"],
    '{"id": "K2", "note": {"deep": [1]}}': ["type:note"],
    '{"id": "K3", "note": "\\u0007"}': ["text:note"],
    '{"id": "K4", "note": "\\ud800"}': ["malformed"],
    '{"note": "no id"}': ["missing:id"],
    '{"id": ""}': ["missing:id"],
    "[" * 5000: ["malformed"],
}
QUOTED = [
    'Q1,"two\nlines",,,,,,,,,,,',
    'Q2,"she said ""no""\r\n\n, and left",,,,,,,,,,,',
    "Q3,plain,,,,,,,,,,,",
    'Q4,"a\nb",,heavy,,,,,,,,,',
    "Q5,x,,1,,,,,,,,,",
]
GREEK = [  # a question mark that is composed to a semicolon, in a right row and where a cell is lacking
    HEADER.replace(",", ";"),
    line({"id": "G1", "note": "x\u037ey", "raw": "e\u0301"}, ";"),
    line({"id": "G2", "note": "x\u037ey"}, ";")[:-1],
    line({"id": "G3", "note": '"\u037e;"', "weight": "1"}, ";"),
]
NEVER_CLOSED = ['Q6,"open', "Q7,,,,,,,,,,,,"]


def on(day: int) -> date:
    return date(2024, 5, 1) + timedelta(days=day - 1)


def as_json(row: dict[str, str | None]) -> str:
    values = {name: json.loads(text) if name in (*NUMBERS, "insured") else text for name, text in row.items() if text}
    return json.dumps({"sent": None} | values, ensure_ascii=False)


def as_parquet(*absent: str) -> bytes:
    moments = [None, datetime(2024, 5, 1, 8, tzinfo=UTC), datetime(2024, 5, 1, 8, tzinfo=UTC)]
    return parquet({
        "due": pa.array([None, date(2024, 5, 1), date(2024, 5, 20)]),
        "id": pa.array(["A1", "A2", "A3"]).dictionary_encode(),
        "note": pa.array(["plain", None, "e\u0301"], pa.large_string()),
        "weight": pa.array([1.5, 100.0, None], pa.float32()),
        "pieces": pa.array([2, None, -7], pa.int16()),
        "price": pa.array([Decimal("12.30000"), None, None], pa.decimal128(20, 5)),
        "insured": pa.array([True, False, None]),
        "size": pa.array(["small", None, None]),
        "picked": pa.array(moments, pa.timestamp("ns", "UTC")),
    }, *absent)  # fmt: skip


def parquet(columns: dict[str, pa.Array], *absent: str) -> bytes:
    rows = len(next(iter(columns.values())))
    out = io.BytesIO()
    pq.write_table(pa.table(columns | {name: pa.nulls(rows) for name in NAMES if name not in {*columns, *absent}}), out)
    return out.getvalue()


def text_file(lines: Sequence[str], end: str = "\n") -> bytes:
    return "".join(f"{one}{end}" for one in lines).encode()


def csv_rows(delimiter: str = ",", names: Sequence[str] = NAMES) -> bytes:
    header: dict[str, str | None] = {name: name for name in names}
    return text_file([line(row, delimiter, names) for row in (header, *ROWS)])


def decomposed(text: bytes) -> bytes:
    return unicodedata.normalize("NFD", text.decode()).encode()


def parquet_of_wrong_types() -> bytes:
    return parquet({
        "id": pa.array(["P1", "P2", "P3", "P4"]),
        "pieces": pa.array([2**64 - 1, 1, 2, 3], pa.uint64()),
        "weight": pa.array([1.0, float("nan"), float("inf"), 2.0]),
        "price": pa.array([Decimal("1.00"), Decimal("1.00"), Decimal("1.00"), Decimal("1.001")], pa.decimal128(10, 3)),
        "picked": pa.array([datetime(2024, 5, 1)] * 4, pa.timestamp("us")),
    })  # fmt: skip


def parquet_of_ints_as_doubles() -> bytes:
    """As pandas writes a column of whole numbers with gaps."""
    numbers = pa.array([1.0, None, 123456789012.0, -0.0, 2.0**53, 1.5])
    return parquet({"id": pa.array([f"D{at}" for at in range(6)]), "pieces": numbers, "weight": pa.array([1000.0] * 6)})


def parquet_of_odd_times() -> bytes:
    """Good times, and one that no reader's calendar holds."""
    good = int(datetime(2024, 5, 1, 8, tzinfo=UTC).timestamp() * 1000)
    return parquet({"id": pa.array(["T1", "T2", "T3"]), "picked": pa.array([good, 10**16, None], pa.timestamp("ms"))})


def naughty() -> dict[str, pa.Array]:
    """Texts that mean nothing to us in both columns of text, under an id each."""
    return {"id": pa.array([f"N{at}" for at in range(len(NAUGHTY))]), "note": pa.array(NAUGHTY), "raw": pa.array(NAUGHTY)}


def naughty_json(*, is_ascii: bool) -> bytes:
    rows = pa.table(naughty()).to_pylist()
    return text_file([json.dumps({"sent": None} | row, ensure_ascii=is_ascii) for row in rows])


def shaped(name: str, **more: object) -> tuple[FileShape, ...]:
    shape = FileShape.named(name)
    assert shape is not None
    return (shape.model_copy(update=more),)


DELIVERED = {
    on(1): Landed({"rows.csv": csv_rows()}, 3),
    on(2): Landed({"rows.csv.gz": gzip.compress(csv_rows()[:200]) + gzip.compress(csv_rows()[200:])}, 3),
    on(3): Landed({"rows.csv": csv_rows(";", NAMES[::-1])}, 3, shaped("rows.csv", delimiter=";")),
    on(4): Landed({"rows.csv": decomposed(csv_rows("\t"))}, 3, shaped("rows.csv", delimiter="\t", is_nfc=False)),
    on(5): Landed({"rows.jsonl": text_file(["", *map(as_json, ROWS)])}, 3),
    on(6): Landed({"rows.ndjson.gz": gzip.compress(b"\xef\xbb\xbf" + text_file(list(map(as_json, ROWS)), "\r\n"))}, 3),
    on(7): Landed({"rows.parquet": as_parquet()}, 3),
    on(8): Landed({"a.csv": csv_rows(), "b.jsonl": b'{"id": "B1"}', "c.parquet": parquet({"id": pa.array(["C1"])})}, 5),
    on(9): Landed({"rows.jsonl": text_file(list(WRONG_JSON))}, len(WRONG_JSON)),
    on(10): Landed({"rows.parquet": parquet_of_wrong_types()}, 4),
    on(11): Landed({"rows.parquet": parquet({"id": pa.array([b"\xff", b"\xfe"]), "note": pa.array([[1], None])})}, 2),
    on(12): Landed({"rows.csv": text_file([HEADER, *QUOTED])}, 5, shaped("rows.csv", is_quoted=True)),
    on(13): Landed({"rows.csv": text_file([HEADER, *QUOTED], "\r\n")}, 5, shaped("rows.csv", is_quoted=True)),
    on(14): Landed({"rows.csv": text_file([HEADER, *QUOTED, *NEVER_CLOSED])}, 6, shaped("rows.csv", is_quoted=True)),
    on(15): Landed({"rows.parquet": parquet({"identity": pa.array(["P1"])})}, 1),
    on(16): Landed({"rows.parquet": as_parquet()[:300]}, 3),
    on(17): Landed({"rows.parquet": parquet({"id": pa.array([], pa.string())})}, 0),
    on(18): Landed({"rows.jsonl": b""}, 0),
    on(19): Landed({"rows.csv": csv_rows(names=NAMES[:-1])}, 3),
    on(20): Landed({"rows.parquet": as_parquet("signed")}, 3),
    on(21): Landed({"rows.csv": csv_rows(names=NAMES[1:])}, 3),
    on(22): Landed({"rows.csv": b"\xef\xbb\xbf \r\n" + csv_rows()}, 3),
    on(23): Landed({"rows.csv": b"\xef\xbb\xbf\n" + text_file([HEADER, *QUOTED])}, 5, shaped("rows.csv", is_quoted=True)),
    on(24): Landed({"rows.jsonl": b"\xef\xbb\xbf\n" + text_file(list(map(as_json, ROWS)))}, 3),
    on(25): Landed({"rows.csv": b"\xef\xbb\xbf" + text_file([HEADER, "A1", HEADER, line({"id": "A2"}), ""], "\r\n")}, 3),
    on(26): Landed({"rows.parquet": parquet_of_odd_times()}, 3),
    on(27): Landed({"rows.csv": text_file(GREEK)}, 3, shaped("rows.csv", delimiter=";", is_nfc=False)),
    on(28): Landed({"rows.parquet": parquet_of_ints_as_doubles()}, 6),
    on(29): Landed({"rows.jsonl": naughty_json(is_ascii=False)}, len(NAUGHTY)),
    on(30): Landed({"rows.jsonl": naughty_json(is_ascii=True)}, len(NAUGHTY)),
    on(31): Landed({"rows.parquet": parquet(naughty())}, len(NAUGHTY)),
}  # fmt: skip


@pytest.fixture(scope="module")
def written(stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner) -> Written:
    return write(stack, shared_lake, runner, "formats", DELIVERED)


def published(written: Written, day: int) -> list[dict[str, object]]:
    rows = sorted(written.clean[on(day)], key=lambda row: str(row["id"]))
    return [{name: row[name] for name in NAMES} for row in rows]


def quarantined(written: Written, day: int) -> list[tuple[object, object, object]]:
    return sorted(((row["line"], row["row"], row["reasons"]) for row in written.quarantine[on(day)]), key=str)


@pytest.mark.parametrize("day", [*range(1, 9), 19, 20, 22, 24])
def test_the_same_rows_are_published_from_every_format(written: Written, day: int) -> None:
    moment = datetime(2024, 5, 1, 8, tzinfo=UTC)
    nothing = dict.fromkeys(NAMES)
    assert published(written, day)[:3] == [
        nothing
        | {"id": "A1", "note": "plain", "weight": 1.5, "pieces": 2, "price": Decimal("12.30"), "insured": True, "size": "small"},
        nothing | {"id": "A2", "weight": 100.0, "insured": False, "due": date(2024, 5, 1), "picked": moment},
        nothing | {"id": "A3", "note": "é", "pieces": -7, "picked": moment, "due": date(2024, 5, 20)},
    ]
    assert quarantined(written, day) == []


def test_a_character_that_is_composed_to_a_delimiter_divides_no_cells(written: Written) -> None:
    found = [(row["id"], row["note"], row["raw"], row["weight"]) for row in published(written, 27)]
    assert found == [("G1", "x;y", "é", None), ("G3", ";;", None, 1.0)]
    assert quarantined(written, 27) == [(3, GREEK[2], ["malformed"])]
    assert written.units[on(27)].cells == sum(value is not None for row in published(written, 27) for value in row.values())
    assert [shape.is_nfc for shape in told(DELIVERED[on(27)])] == [False]


@pytest.mark.parametrize("day", [29, 30, 31])
def test_texts_that_mean_nothing_to_us_are_published_unchanged_from_every_format(written: Written, day: int) -> None:
    assert quarantined(written, day) == []
    found = {row["id"]: (row["note"], row["raw"]) for row in written.clean[on(day)]}
    assert found == {f"N{at}": (text, text) for at, text in enumerate(NAUGHTY)}


def test_an_optional_key_that_no_row_of_json_has_is_null_in_all_of_them(written: Written) -> None:
    assert not {"raw", "docked", "signed"} & {name for row in ROWS for name in row}
    assert told(DELIVERED[on(5)])[0].rows == counts(written.units[on(5)])[1] == 3
    assert {row[name] for row in written.clean[on(5)] for name in ("raw", "docked", "signed")} == {None}


def test_a_file_may_lack_only_a_column_that_says_so(written: Written) -> None:
    refusal = written.units[on(21)].refusal
    assert refusal is not None
    assert refusal.code == "header"
    wanted = ",".join(column.name for column in CONTRACT.columns)
    assert refusal.message == (
        f"the header of rows.csv does not name the contract's columns {wanted}; nothing of the delivery was published. "
        "Next: deliver it with these columns, or change the contract and count its version up."
    )


def test_a_delivery_may_mix_formats(written: Written) -> None:
    assert [row["id"] for row in published(written, 8)] == ["A1", "A2", "A3", "B1", "C1"]


def test_json_that_is_no_row_of_the_contract_is_kept_as_it_came_with_its_reasons(written: Written) -> None:
    wanted = [(at, text, reasons) for at, (text, reasons) in enumerate(WRONG_JSON.items(), start=1)]
    assert quarantined(written, 9) == sorted(wanted, key=str)
    assert counts(written.units[on(9)]) == (len(WRONG_JSON), 0, len(WRONG_JSON), 0)


def test_an_unknown_key_in_a_line_that_the_intake_cannot_read_is_a_fault_of_its_row() -> None:
    looked_at = '{"id": "A1", "note": null, "pieces": 1, "price": null, "insured": null, "sent": null}'
    lines = [looked_at, f'{{"pieces": {"9" * 5000}, "colour": "red"}}', '\u2003{"id": "A2", "colour": "red"}']
    told(Landed({"rows.jsonl": text_file(lines)}, 3))
    columns = tuple((column.name, column.type) for column in CONTRACT.columns)
    (rows,) = _json_batches(columns, frozenset(), [pa.RecordBatch.from_pydict({"_row": lines})])
    assert rows.column("_fault").to_pylist() == [None, "unknown_key", "unknown_key"]


def test_parquet_values_are_checked_against_the_contract_row_by_row(written: Written) -> None:
    kept = quarantined(written, 10)
    assert [(at, reasons) for at, _, reasons in kept] == [
        (1, ["type:pieces"]), (2, ["type:weight"]), (3, ["type:weight"]), (4, ["type:price"]),
    ]  # fmt: skip
    row = json.loads(str(kept[0][1]))
    assert {name: value for name, value in row.items() if value is not None} == {
        "id": "P1", "pieces": 2**64 - 1, "weight": 1.0, "price": 1.0, "picked": "2024-05-01 00:00:00.000000",
    }  # fmt: skip


def test_whole_numbers_that_parquet_holds_as_doubles_are_ints_while_a_double_tells_them_apart(written: Written) -> None:
    assert [row["pieces"] for row in published(written, 28)] == [1, None, 123456789012, 0]
    kept = [(at, json.loads(str(row))["pieces"], reasons) for at, row, reasons in quarantined(written, 28)]
    assert kept == [(5, 2.0**53, ["type:pieces"]), (6, 1.5, ["type:pieces"])]
    assert [shape.rows for shape in told(DELIVERED[on(28)])] == [6]


def test_a_time_in_parquet_that_no_calendar_holds_is_its_row_s_fault_alone(written: Written) -> None:
    assert [(at, reasons) for at, _, reasons in quarantined(written, 26)] == [(2, ["type:picked"])]
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert [(row["id"], row["picked"]) for row in published(written, 26)] == [("T1", noon), ("T3", None)]
    assert [shape.rows for shape in told(DELIVERED[on(26)])] == [3]


def test_parquet_columns_that_are_no_text_or_number_are_of_the_wrong_type(written: Written) -> None:
    assert [reasons for _, _, reasons in quarantined(written, 11)] == [
        ["type:id", "pattern:id", "type:note"],
        ["type:id", "pattern:id"],
    ]


@pytest.mark.parametrize("day", [12, 13, 23])
def test_a_record_may_go_over_several_lines_and_stands_at_its_first(written: Written, day: int) -> None:
    assert [(row["id"], row["note"]) for row in published(written, day)] == [
        ("Q1", "two\nlines"), ("Q2", 'she said "no"\r\n\n, and left'), ("Q3", "plain"), ("Q5", "x"),
    ]  # fmt: skip
    assert quarantined(written, day) == [(8, QUOTED[3], ["type:weight"])]


def test_a_quote_that_is_never_closed_takes_the_rest_of_its_file_along_and_nothing_is_lost(written: Written) -> None:
    assert quarantined(written, 14)[0] == (11, "\n".join(NEVER_CLOSED), ["malformed"])
    assert counts(written.units[on(14)]) == (6, 4, 2, 0)


@pytest.mark.parametrize(
    ("day", "code", "mend"),
    [
        (15, "header", "deliver it with these columns, or change the contract and count its version up"),
        (16, "unreadable", "deliver it again, whole"),
        (17, "zero_rows", "deliver it with its rows"),
        (18, "zero_rows", "deliver it with its rows"),
    ],
)
def test_a_file_that_is_not_what_it_says_refuses_its_delivery_and_no_other(
    written: Written, day: int, code: str, mend: str
) -> None:
    refusal = written.units[on(day)].refusal
    assert refusal is not None
    assert refusal.code == code
    assert refusal.message.endswith(f"; nothing of the delivery was published. Next: {mend}.")
    assert published(written, day) == []


def test_other_rows_than_promised_are_refused_with_both_counts_and_the_next_move() -> None:
    (refusal,) = miscounts(units_of({on(1): Landed({}, 3), on(2): Landed({}, 3)}), {0: 2, 1: 3}).values()
    assert (refusal.code, refusal.message) == (
        "manifest_rows",
        "the manifest says 3 rows, the files have 2; nothing of the delivery was published. "
        "Next: deliver it again with the rows that its manifest says.",
    )


def test_a_header_that_the_intake_told_of_is_not_asked_of_spark_and_changes_nothing(
    written: Written, stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = {on(day): DELIVERED[on(day)] for day in (1, 2, 3, 5, 12, 13, 19, 22, 23, 25)}
    delivered = {day: landed._replace(shapes=told(landed)) for day, landed in some.items()}
    monkeypatch.setattr(writing, "read_heads", None)
    as_told = write(stack, shared_lake, runner, "told", delivered)
    for day in some:
        assert as_told.units[day] == written.units[day]
        for mine, theirs in ((as_told.clean, written.clean), (as_told.quarantine, written.quarantine)):
            assert sorted(mine[day], key=str) == sorted(theirs[day], key=str)
    kept = [(row["line"], row["reasons"]) for row in as_told.quarantine[on(25)]]
    assert sorted(kept, key=str) == [(2, ["malformed"]), (3, ["header_again"])]


def test_a_text_that_repeats_in_parquet_is_read_in_pieces_of_some_megabytes() -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 400, pa.int32()), ["x" * 500_000])
    content = io.BytesIO()
    pq.write_table(pa.table({"id": range(400), "place": texts}), content)
    files = pa.RecordBatch.from_pydict({"path": ["a.parquet"], "content": [content.getvalue()]})
    found = list(_parquet_batches((("id", "int"), ("place", "string")), frozenset(), [files]))
    assert len(content.getvalue()) < 1_000_000 < 400 * 500_000
    assert max(batch.nbytes for batch in found) < 1 << 25
    assert [at for batch in found for at in batch.column("_at").to_pylist()] == list(range(401))
    assert found[-1].column("_cells").to_pylist()[-1] == ["399", "x" * 500_000]


def told(landed: Landed) -> tuple[FileShape, ...]:
    contract = CONTRACT.model_copy(update={"delimiter": landed.shapes[0].delimiter}) if landed.shapes else CONTRACT
    found = FileInspector().inspect(contract, landed.files, dict.fromkeys(landed.files, landed.rows))
    assert found.refusal is None
    return found.shapes


def test_a_decimal_keeps_every_digit_that_parquet_has_of_it() -> None:
    long = "1234567890123456789012345678901234.56"
    asked = {long: long, f"-{long}": f"-{long}", "1.10": "1.1", "0.00": "0", "300.00": "300"}
    content = io.BytesIO()
    pq.write_table(pa.table({"price": pa.array(map(Decimal, asked), pa.decimal128(38, 2))}), content)
    files = pa.RecordBatch.from_pydict({"path": ["a.parquet"], "content": [content.getvalue()]})
    _, rows = _parquet_batches((("price", "decimal"),), frozenset(), [files])
    assert [cell for (cell,) in rows.column("_cells").to_pylist()] == list(asked.values())
    assert [json.loads(row, parse_float=Decimal)["price"] for row in rows.column("_row").to_pylist()] == list(map(Decimal, asked))


@pytest.mark.parametrize("type_", [pa.float32(), pa.float64()])
def test_a_whole_number_in_a_double_has_no_exponent_while_it_is_told_from_the_next(type_: pa.DataType) -> None:
    asked = {2.0**33: "8589934592", -(2.0**40): "-1099511627776", 2.0**53: "9.007199254740992e+15", 1.5: "1.5", -0.0: "-0"}
    content = io.BytesIO()
    pq.write_table(pa.table({"pieces": pa.array([*asked, None], type_)}), content)
    files = pa.RecordBatch.from_pydict({"path": ["a.parquet"], "content": [content.getvalue()]})
    _, rows = _parquet_batches((("pieces", "int"),), frozenset(), [files])
    read = [cell for (cell,) in rows.column("_cells").to_pylist()]
    assert [one and one.replace("9.007199e+15", "9.007199254740992e+15") for one in read] == [*asked.values(), None]
