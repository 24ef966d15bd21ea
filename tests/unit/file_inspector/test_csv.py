"""CSV as strangers write it: what is taken as it is, and the sentence for everything else."""

import pytest

from lakeloop.adapters.file_inspector import FileInspector
from lakeloop.core.contract import Column
from tests.unit.file_inspector.seen import GOOD, TABLE, packed, refused, seen

ROWS = GOOD.partition(b"\n")[2]
CYRILLIC = "id,place,value\n1,Санкт-Петербург,1.5\n2,Тула,2.5\n"
ACCENTS = "id,place,value\n1,Zürich town,1.5\n2,Genève town,2.5\n"


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.rstrip(b"\n"),
        b"\n\n" + GOOD.replace(b"\n", b"\n  \n") + b"\n\n",
        b"\xef\xbb\xbf" + b" \r\n" * 40 + GOOD,
        b"value,id,place\n1.5,1,Oslo\n2.5,2,Rome\n",
        b'"id","place","value"\n1,"Oslo, the ""capital""",1.5\n2,Rome,2.5\n',
        CYRILLIC.encode(),
    ],
    ids=["plain", "BOM", "CRLF", "no last line feed", "blank lines", "40 blank lines", "reordered", "doubled quotes", "Cyrillic"],
)
def test_what_is_no_fault_is_taken_and_counted(content: bytes) -> None:
    (shape,) = (found := seen(content)).shapes
    assert (found.refusal, shape.rows, shape.is_quoted, shape.is_nfc) == (None, 2, False, True)


def test_a_header_behind_a_megabyte_of_blank_lines_is_refused_since_the_write_reads_in_parts() -> None:
    most = b" \r\n" * (((1 << 20) - 1) // 3) + b"\n"
    assert len(most) == 1 << 20
    assert seen(most + GOOD).refusal is None
    for blank in (b"\n" + most, b"\n" * (10 << 20)):
        code, words = refused(blank + GOOD)
        assert (code, f"begins with {len(blank)} bytes of blank lines" in words) == ("header", True)
    assert refused(b"\n" * (2 << 20))[0] == "zero_rows"


def test_one_row_is_a_file() -> None:
    assert seen(b"id,place,value\n1,Oslo,1.5\n", 1).refusal is None


BAD = {
    "empty": (b"", "zero_rows", "a.csv has no row, its manifest says 2"),
    "BOM only": (b"\xef\xbb\xbf", "zero_rows", "has no row"),
    "header only": (b"id,place,value\n", "zero_rows", "has no row, its manifest says 2"),
    "missing": (b"id,value\n1,1.5\n2,2.5\n", "header", "line 1 does not bring the columns of readings: 'place' missing"),
    "extra": (GOOD.replace(b"value\n", b"value,more\n"), "header", "readings: 1 name not in the contract (column 4)"),
    "several extra": (GOOD.replace(b"value\n", b"value,a,b,c,d,e,f\n"), "header", "column 4, 5, 6, 7, 8 and 1 more)"),
    "renamed": (GOOD.replace(b"place", b"places"), "header", "place is missing, is it 'places'?"),
    "doubled": (GOOD.replace(b"value\n", b"value,id\n"), "header", "'id' more than once"),
    "re-cased": (GOOD.replace(b"place", b"Place"), "header", "'Place' should be written place"),
    "padded": (GOOD.replace(b"place", b" place "), "header", "' place ' should be written place"),
    "invisible": (GOOD.replace(b"place", "pla\u200bce".encode()), "header", "'pla\\u200bce' should be written place"),
    "no header": (ROWS, "header", "names none of the columns of readings"),
    "semicolons": (GOOD.replace(b",", b";"), "delimiter", "divides its columns by ';', the contract of readings says ','"),
    "tabs": (GOOD.replace(b",", b"\t"), "delimiter", r"set delimiter='\t' in the contract"),
    "preamble": (b"Report of 1 March\nmade by hand\n\n" + GOOD, "header", "the header stands in line 4"),
    "preamble behind blank lines": (b"\n" * 40 + b"by hand\n" + GOOD, "header", "the header stands in line 42"),
    "JSON": (b'{"id": 1}\n{"id": 2}\n', "wrong_kind", "looks like JSON"),
    "too few": (GOOD, "manifest_rows", "a.csv has 2 rows, its manifest says 3"),
    "TOTAL": (GOOD + b"TOTAL,,4.0\n", "manifest_rows", "has 3 rows, its manifest says 2; its last line looks like a footer"),
    "header again": (GOOD + GOOD, "manifest_rows", "its header stands in it more than once"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "not_utf8", "byte 3: it begins like UTF-16"),
    "UTF-16 without BOM": (GOOD.decode().encode("utf-16-be"), "not_utf8", "it looks like UTF-16 without a byte order mark"),
    "UTF-32": (GOOD.decode().encode("utf-32"), "not_utf8", "UTF-32"),
    "cp1252": (GOOD.replace(b"Oslo", b"10 \x80"), "not_utf8", "0x80 is not UTF-8"),
    "Latin-1": (ACCENTS.encode("latin-1"), "not_utf8", "line 2, byte 18: 0xfc is not UTF-8 (it looks like Latin-1)"),
    "cp1251": (CYRILLIC.encode("cp1251"), "not_utf8", "line 2, byte 17: 0xd1 is not UTF-8 (it looks like cp1251 (Cyrillic))"),
    "changes": (CYRILLIC.encode() + "3,Zürich,1\n".encode("latin-1"), "not_utf8", "two encodings in one file"),
    "cut in a character": (CYRILLIC.encode()[:20], "not_utf8", "it ends in the middle of a character"),
    "NUL": (GOOD.replace(b"Rome", b"Ro\0e"), "nul", "line 3, byte 30: a NUL byte"),
    "CR": (GOOD.replace(b"\n", b"\r"), "line_ends", "line 1, byte 14: its lines end in a carriage return alone"),
    "a CR": (GOOD.replace(b"Rome", b"Ro\re"), "line_ends", "line 3, byte 30: a carriage return without a line feed"),
    "5 MB cell": (GOOD.replace(b"Rome", b"R" * 5_000_000), "file_limits", "line 3 has"),
    "20,000 columns": (b",".join(b"c%d" % n for n in range(20_000)), "file_limits", "has 20000 columns"),
    "unclosed": (GOOD.replace(b"Oslo", b'"Oslo') + b"3,Bonn,3\n", "manifest_rows", "read line by line the file has 3 rows"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "code", "words"), BAD.values(), ids=BAD)
def test_a_fault_is_named_with_its_place(content: bytes, code: str, words: str) -> None:
    rows = 3 if words.endswith("says 3") else 2
    found, message = refused(content, rows)
    assert words in message
    assert found == code


def test_a_record_over_several_lines_is_meant_where_the_manifest_counts_it_as_one() -> None:
    content = b'id,place,value\n1,"Os\nlo",1.5\n2,Rome,2.5\n'
    assert seen(content, 2).shapes[0].is_quoted
    lines = seen(content, 3)
    assert (lines.refusal, lines.shapes[0].is_quoted) == (None, False)
    code, words = refused(content, 5)
    assert (code, "line 2 has an odd number of quotes" in words, "over several lines it has 2 rows" in words) == (
        "manifest_rows", True, True,
    )  # fmt: skip


def test_a_quote_that_is_never_closed_is_no_reading_whatever_the_manifest_counts() -> None:
    code, words = refused(b'id,place,value\n1,"Oslo,1.5\n2,Rome,2.5\n', 1)
    assert (code, "over several lines it cannot be read" in words) == ("manifest_rows", True)


def test_a_quote_inside_a_cell_makes_no_record_of_several_lines() -> None:
    content = b'id,place,value\n1,a 5" pipe,1.5\n2,another 6" pipe,2.5\n'
    assert not seen(content, 2).shapes[0].is_quoted


@pytest.mark.parametrize(
    ("more", "rows"),
    [(b",,\n", 3), (b"   \n\n  \r\n", 2), (b'3,"' + b"k" * 200_000 + b'",1\n', 3)],
    ids=["a row of empty cells", "lines of blanks", "a quoted cell of 200 kB"],
)
def test_records_over_several_lines_are_counted_as_lines_are(more: bytes, rows: int) -> None:
    content = b'id,place,value\n1,"Os\n\nlo",1.5\n' + more + b"2,Rome,2.5\n"
    found = seen(content, rows)
    assert (found.refusal, found.shapes[0].is_quoted) == (None, True)


def test_quotes_inside_cells_and_a_record_over_several_lines_go_by_the_parity_of_quotes_as_the_rows_reader_does() -> None:
    content = b'id,place,value\n1,"Os\nlo",1.5\n2,5" pipe,1\n3,6" pipe,1\n'
    code, words = refused(content, 3)
    assert (code, "line by line the file has 4 rows" in words, "over several lines it has 2 rows" in words) == (
        "manifest_rows", True, True,
    )  # fmt: skip


def test_records_are_counted_across_blocks() -> None:
    lines = b"".join(b'%d,"%s\n%s",1.0\n' % (n, b"x" * 90, b"y" * 50) for n in range(60_000))
    assert seen(b"id,place,value\n" + lines, 60_000).shapes[0].is_quoted


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("shift", range(4))
@pytest.mark.parametrize("letter", ["Ж", "\N{OLD ITALIC LETTER A}"], ids=["two bytes", "four bytes"])
def test_a_line_beyond_the_limit_is_that_at_whatever_byte_a_block_ends(letter: str, shift: int, name: str) -> None:
    content = GOOD + b"3," + b"x" * shift + letter.encode() * 2_500_000
    code, words = refused(packed(content) if name.endswith("gz") else content, 3, name)
    assert (code, f"{name} line 4 has" in words) == ("file_limits", True), words


def over_lines(size: int) -> bytes:
    """Two rows and a record of so many bytes between them, over some hundred lines."""
    begin, end = b'3,"', b'",1.5\n'
    lines = (b"x" * 9_999 + b"\n") * (size // 10_000 + 1)
    return GOOD[:-11] + begin + lines[: size - len(begin) - len(end)] + end + GOOD[-11:]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("size", [(1 << 20) + 1, 5_000_000, 13_000_000])
def test_a_record_over_several_lines_is_no_longer_than_a_line_may_be(size: int, name: str) -> None:
    longest, long = over_lines(1 << 20), over_lines(size)
    found = seen(packed(longest) if name.endswith("gz") else longest, 3, name)
    assert (found.refusal, found.shapes[0].is_quoted) == (None, True)
    code, words = refused(packed(long) if name.endswith("gz") else long, 3, name)
    assert (code, f"{name} line 3: a record of {size} bytes over several lines" in words) == ("file_limits", True), words


def test_lines_between_two_quotes_are_no_record_where_the_manifest_counts_lines() -> None:
    content = GOOD + b'3,6" pipe,1\n' + b"4,Bonn,1\n" * 200_000 + b'5,6" pipe,1\n'
    found = seen(content, 200_004)
    assert (found.refusal, found.shapes[0].is_quoted) == (None, False)


def test_the_contract_names_the_delimiter() -> None:
    semicolons = TABLE.model_copy(update={"delimiter": ";"})
    (shape,) = (found := seen(GOOD.replace(b",", b";"), contract=semicolons)).shapes
    assert (found.refusal, shape.delimiter) == (None, ";")
    assert refused(GOOD, contract=semicolons)[0] == "delimiter"


def test_text_that_is_not_composed_is_marked() -> None:
    assert not seen(GOOD.replace(b"Oslo", "Malmo\u0308".encode())).shapes[0].is_nfc


def test_faults_are_found_behind_the_first_block_with_their_place_in_the_file() -> None:
    lines = b"".join(b"%d,%s,1.0\n" % (n, b"x" * 90) for n in range(100_000))
    content = b"id,place,value\n" + lines + b"0,\xff,1\n"
    code, words = refused(content, 100_001)
    assert (code, f"line 100002, byte {len(content) - 4}:" in words) == ("not_utf8", True)


@pytest.mark.parametrize("content", [ROWS, ROWS.replace(b",", b";"), GOOD + b"3,Bonn,3.5\n", b"id\n" + ROWS, GOOD[:-4] + b"\xff"])
def test_no_cell_is_repeated_in_a_message(content: bytes) -> None:
    _, words = refused(content)
    assert not any(cell in words for cell in ("Oslo", "Rome", "Bonn", "1.5", "2.5"))


def test_a_row_in_the_header_s_place_is_not_repeated_though_one_of_its_cells_is_a_column_s_name() -> None:
    code, words = refused(b"place,Oslo,Rome\n1,Bonn,1.5\n2,Rome,2.5\n")
    assert (code, "'id', 'value' missing; 2 names not in the contract" in words) == ("header", True)
    assert not any(cell in words for cell in ("Oslo", "Rome", "Bonn"))


def test_every_bad_file_is_named_and_one_without_rows_is_taken_beside_one_with_rows() -> None:
    files = {"a.csv": b"id\n", "b.csv": GOOD, "c.csv": b"\xff"}
    found = FileInspector().inspect(TABLE, files, {"a.csv": 0, "b.csv": 2, "c.csv": 1})
    assert found.refusal is not None
    assert all(name in found.refusal.message for name in ("a.csv", "c.csv"))
    header = b"id,place,value\n"
    assert FileInspector().inspect(TABLE, {"a.csv": header, "b.csv": GOOD}, {"a.csv": 0, "b.csv": 2}).refusal is None
    assert refused(header, 0)[0] == "zero_rows"


HEADERS = {
    "beside all columns": (b"id,place,value,Bonn", "readings: 1 name not in the contract (column 4)"),
    "in a column's place": (b"id,Bonn,value", "'place' missing; 1 name not in the contract (column 2)"),
    "twice": (b"id,place,value,Bonn,Bonn", "2 names not in the contract (column 4, 5)"),
    "beside a column's new name": (b"id,places,value,Bonn", "is it 'places'?; 1 name not in the contract (column 4)"),
    "beside a doubled column": (b"id,place,value,id,Bonn", "'id' more than once; 1 name not in the contract (column 5)"),
}


@pytest.mark.parametrize(("header", "words"), HEADERS.values(), ids=HEADERS)
def test_a_name_that_no_column_is_like_may_be_data_and_is_counted_with_its_place(header: bytes, words: str) -> None:
    code, message = refused(header + b"\n" + ROWS)
    assert words in message
    assert (code, "Bonn" in message) == ("header", False)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"id,places,value", "readings: place is missing, is it 'places'?; nothing"),
        (b"id,Place_old,value", "readings: 'Place_old' should be written place_old; 'place' missing; nothing"),
        (b"id,places,value,place_odl", "place is missing, is it 'places'?; place_old is missing, is it 'place_odl'?; nothing"),
    ],
)
def test_a_name_is_meant_for_the_column_that_the_file_cannot_lack(header: bytes, words: str) -> None:
    old = Column(name="place_old", type="string", may_be_absent=True)
    contract = TABLE.model_copy(update={"columns": (TABLE.columns[0], old, *TABLE.columns[1:])})
    assert words in refused(header + b"\n" + ROWS, contract=contract)[1]


@pytest.mark.parametrize("header", [b"id,Anplace,value,value2", b"id,place,value,Ann,Ann", b"Ann,place,1.5"])
def test_of_a_table_with_personal_columns_no_name_is_repeated_that_may_be_a_value(header: bytes) -> None:
    columns = (*TABLE.columns[:1], TABLE.columns[1].model_copy(update={"personal": True}), *TABLE.columns[2:])
    code, words = refused(header + b"\n" + ROWS, contract=TABLE.model_copy(update={"columns": columns}))
    assert (code, "not in the contract" in words, "An" in words) == ("header", True, False)


@pytest.mark.parametrize("content", [GOOD, b"\xef\xbb\xbf\r\n" + GOOD.replace(b"\n", b"\r\n")])
def test_the_header_is_told_as_a_reader_of_lines_has_it(content: bytes) -> None:
    assert seen(content).shapes[0].header == "id,place,value"
