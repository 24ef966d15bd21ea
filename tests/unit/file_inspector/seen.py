"""What the inspector says of one file."""

import gzip

from lakeloop.adapters.file_inspector import FileInspector
from lakeloop.core.contract import Column, FileLimits, TableContract
from lakeloop.core.reports import Refusal
from lakeloop.ports import Inspection

LIMITS = FileLimits(columns=100, line=1 << 20)
TABLE = TableContract(
    name="readings",
    columns=(Column(name="id", type="int"), Column(name="place", type="string"), Column(name="value", type="double")),
    key=("id",),
    limits=LIMITS,
)
AGAIN = "deliver it again, whole"
WITH_ROWS = "deliver it again with the rows that its manifest says"
IN_ITSELF = "deliver the file itself, as its name declares it"
FITS = "deliver it with the contract's columns, or change the contract and count its version up"
MENDS: dict[str, tuple[str, ...]] = {  # what can be done about a file, by the code of its refusal
    "file_name": ("deliver it under a name that says what it is", "deliver it plain"),
    "format": ("deliver it as one of these, or add the format to the contract",),
    "wrong_kind": (AGAIN, IN_ITSELF, "deliver it as .jsonl", "deliver one JSON object a line"),
    "encrypted": (IN_ITSELF, "deliver it without encryption"),
    "gzip": (AGAIN,),
    "parquet": (
        AGAIN,
        "deliver it so that both read the same, or in another format",
        "write it with a Parquet library's usual encodings, or deliver CSV or JSON lines",
        "write it anew with a Parquet library, or deliver CSV or JSON lines",
    ),
    "zero_rows": (WITH_ROWS, "deliver it with its rows"),
    "manifest_rows": (WITH_ROWS, "deliver it again with its quotes closed and its rows counted as records"),
    "not_utf8": ("deliver it again in UTF-8", "deliver it again as UTF-8 text without NUL bytes"),
    "nul": ("deliver it again as UTF-8 text without NUL bytes",),
    "line_ends": ("deliver it again with line feeds (LF or CRLF) at the ends of its lines",),
    "delimiter": tuple(
        f"deliver it with {told!r}, or set delimiter={found!r} in the contract and count its version up"
        for told in ",;"
        for found in ",;\t|"
    ),
    "header": (
        FITS,
        "deliver it with the header in its first line",
        "deliver it with the header id,place,value",
        "deliver it with one plain value a cell",
        "deliver it in that type, or change the contract",
    ),
    "file_limits": (
        "deliver the columns that the contract names",
        "deliver less, or raise `limits` in the contract",
        "deliver smaller texts, or raise `limits` in the contract",
        "see that it is what it should be; if so, raise `limits` in the contract",
        "see what stands in it; if it is right, raise `limits` in the contract",
        "deliver it in several files, or as plain CSV or JSON lines, which are read in parts",
        "deliver it in several files, or as CSV or JSON lines",
        "deliver it with smaller pages and row groups",
        "deliver it packed as one",
    ),
}
GOOD = b"id,place,value\n1,Oslo,1.5\n2,Rome,2.5\n"


def seen(content: bytes, rows: int = 2, name: str = "a.csv", contract: TableContract = TABLE) -> Inspection:
    """One file under a contract, of which so many rows are promised."""
    return FileInspector().inspect(contract, {name: content}, {name: rows})


def refused(content: bytes, rows: int = 2, name: str = "a.csv", contract: TableContract = TABLE) -> tuple[str, str]:
    """Code and sentence of a refusal."""
    refusal = seen(content, rows, name, contract).refusal
    assert refusal is not None, "it was taken"
    assert refusal.message.startswith(name)
    assert is_mended(refusal), f"no next move of {refusal.code}: {refusal.message}"
    return refusal.code, refusal.message


def is_mended(refusal: Refusal) -> bool:
    """Whether a sentence ends with a next move that can mend what its code says."""
    return refusal.message.endswith(
        tuple(f"; nothing of the delivery was published. Next: {mend}." for mend in MENDS[refusal.code])
    )


def packed(content: bytes) -> bytes:
    """A gzip member."""
    return gzip.compress(content, mtime=0)
