"""What the inspector says of one file."""

import gzip

from lakeloop.adapters.file_inspector import FileInspector
from lakeloop.core.contract import Column, FileLimits, TableContract
from lakeloop.ports import Inspection

LIMITS = FileLimits(columns=100, line=1 << 20)
TABLE = TableContract(
    name="readings",
    columns=(Column(name="id", type="int"), Column(name="place", type="string"), Column(name="value", type="double")),
    key=("id",),
    limits=LIMITS,
)
GOOD = b"id,place,value\n1,Oslo,1.5\n2,Rome,2.5\n"


def seen(content: bytes, rows: int = 2, name: str = "a.csv", contract: TableContract = TABLE) -> Inspection:
    """One file under a contract, of which so many rows are promised."""
    return FileInspector().inspect(contract, {name: content}, {name: rows})


def refused(content: bytes, rows: int = 2, name: str = "a.csv", contract: TableContract = TABLE) -> tuple[str, str]:
    """Code and sentence of a refusal."""
    refusal = seen(content, rows, name, contract).refusal
    assert refusal is not None, "it was taken"
    assert refusal.message.startswith(name)
    assert "; nothing of the delivery was published. Next: " in refusal.message
    return refusal.code, refusal.message


def packed(content: bytes) -> bytes:
    """A gzip member."""
    return gzip.compress(content, mtime=0)
