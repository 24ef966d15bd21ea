"""Files of a delivery, as the intake found them: what a reader must know before it opens one."""

import re
from typing import Literal, Self

from lakeloop.core.value import Value

FileFormat = Literal["csv", "jsonl", "parquet"]
Compression = Literal["", "gzip"]
_FORMATS: dict[str, FileFormat] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
_GZIP = ".gz"
_LIKE_DATA = re.compile(  # also what no reader here opens: whoever sends it means it
    r"\.(csv|tsv|jsonl|ndjson|parquet|avro|orc|xlsx?|ods|gz|tgz|zip|7z|rar|tar|bz2|xz|zst|lz4|z)\Z", re.IGNORECASE
)


class FileShape(Value):
    """One data file: what its name declares, and what its bytes turned out to be."""

    name: str
    format: FileFormat = "csv"
    compression: Compression = ""
    delimiter: str = ","  # of a CSV file
    is_quoted: bool = False  # a record of it goes over several lines, inside quotes
    is_nfc: bool = True  # its text is in Unicode's composed form already
    header: str = ""  # the line of a CSV file that names its columns; empty where only Spark reads it
    rows: int | None = None  # as the intake counted them; None where only Spark counts

    @classmethod
    def named(cls, name: str) -> Self | None:
        """What a file's name declares; None for an ending that no reader knows."""
        plain = name.removesuffix(_GZIP)  # in small letters only, as Spark goes by it
        found = next((form for ending, form in _FORMATS.items() if plain.lower().endswith(ending)), None)
        return None if found is None else cls(name=name, format=found, compression="" if plain == name else "gzip")


def looks_like_data(name: str) -> bool:
    """Whether a file's name ends like data, or like an archive that data is packed in."""
    return _LIKE_DATA.search(name) is not None
