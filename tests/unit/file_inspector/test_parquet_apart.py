"""Parquet is read in a process of its own: whatever a file does to it, the next one is read and the intake lives."""

import base64
import io
import os
import random
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from lakeloop.adapters.file_inspector import parquet_apart, parquet_process
from lakeloop.adapters.file_inspector.file import File
from lakeloop.adapters.file_inspector.parquet_apart import ParquetReader
from lakeloop.core.contract import FileLimits
from lakeloop.core.errors import BadFile, MachineFailed
from lakeloop.core.files import FileShape
from tests.unit.file_inspector import parquet_bytes
from tests.unit.file_inspector.seen import TABLE, is_mended, refused, seen

FILE = File(TABLE, FileShape(name="a.parquet", format="parquet"), parquet_bytes.parquet(), 2)
ROWS = pa.table({"id": [1, 2], "place": ["Oslo", None], "value": [1.5, 2.5]})
MASKS = (0x01, 0x08, 0x80, 0x7F, 0xFF)


def written(path: Path, **options: object) -> bytes:
    with pq.ParquetWriter(path, ROWS.schema, **options) as writer:
        writer.write_table(ROWS)
    return path.read_bytes()


class OpenKeys(pe.KmsClient):  # type: ignore[misc]
    """Keys that lie open."""

    def __init__(self, _: object) -> None:
        super().__init__()

    def wrap_key(self, key: bytes, _: str) -> bytes:
        return base64.b64encode(key)


def test_a_column_that_is_encrypted_is_refused_as_such(tmp_path: Path) -> None:
    asked = pe.EncryptionConfiguration("footer", column_keys={"key": ["id"]}, plaintext_footer=True)
    locked = pe.CryptoFactory(OpenKeys).file_encryption_properties(pe.KmsConnectionConfig(), asked)
    code, words = refused(written(tmp_path / "a", encryption_properties=locked), name="a.parquet")
    assert (code, "a.parquet has a column that is encrypted" in words) == ("encrypted", True)
    assert words.endswith("Next: deliver it without encryption.")


def test_whatever_bytes_of_its_footer_and_pages_are_others_it_is_taken_or_a_sentence(tmp_path: Path) -> None:
    drawn = random.Random(20240301)
    sound = written(tmp_path / "a"), written(tmp_path / "b", data_page_version="2.0", compression="zstd", write_page_index=True)
    for _ in range(400):
        broken = bytearray(drawn.choice(sound))
        footer = len(broken) - 8 - int.from_bytes(broken[-8:-4], "little")
        for at in drawn.choices(range(drawn.choice((4, footer, footer)), len(broken) - 8), k=drawn.randint(1, 3)):
            broken[at] ^= drawn.choice(MASKS)
        refusal = seen(bytes(broken), name="a.parquet").refusal
        assert refusal is None or is_mended(refusal), refusal


def reader_of(monkeypatch: pytest.MonkeyPatch, code: str) -> ParquetReader:
    """One whose process says that it has begun, and then does so when a file comes."""
    program = f"import os, signal, sys; print('{{}}', flush=True); sys.stdin.buffer.read(1); {code}"
    monkeypatch.setattr(parquet_apart, "_COMMAND", (sys.executable, "-c", program))
    return ParquetReader()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os.abort()", "its reader was ended by signal 6"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "its reader was ended by signal 11"),
    ],
)
def test_a_file_that_brings_its_reader_down_is_refused_and_the_next_one_is_read(
    monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    reader = reader_of(monkeypatch, code)
    with pytest.raises(BadFile, match=f"^a.parquet is Parquet that cannot be read: {words}; .* Next: write it anew") as refusal:
        reader.inspect(FILE)
    assert refusal.value.code == "parquet"
    monkeypatch.undo()
    assert reader.inspect(FILE).rows == 2
    reader.end()


def zeros(rows: int) -> bytes:
    """Some kilobytes that unpack to sixteen bytes a row, a column in one page."""
    out = io.BytesIO()
    columns = {"id": np.zeros(rows, np.int64), "place": pa.nulls(rows, pa.string()), "value": np.zeros(rows)}
    options: dict[str, Any] = {"use_dictionary": False, "data_page_size": 1 << 30, "max_rows_per_page": rows}
    pq.write_table(pa.table(columns), out, compression="zstd", row_group_size=rows, **options)
    return out.getvalue()


def test_pages_have_a_limit_of_what_they_unpack_to() -> None:
    assert seen(zeros(1_000_000), 1_000_000, "a.parquet").refusal is None
    code, words = refused(bomb := zeros(1_100_000), 1_100_000, "a.parquet")
    assert (code, f"unpacks {len(bomb)} bytes to 17" in words) == ("file_limits", True), words


def test_what_lies_of_its_size_has_a_limit_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_apart, "_MEMORY", 1 << 28)
    anything = TABLE.model_copy(update={"limits": FileLimits(ratio=10**9)})
    reader = ParquetReader()
    with pytest.raises(BadFile, match="takes Arrow more memory than it may have after 0 rows; .* Next: deliver it with smaller"):
        reader.inspect(FILE._replace(contract=anything, content=zeros(16_000_000), rows=16_000_000))
    assert reader.inspect(FILE).rows == 2
    reader.end()


def test_a_file_has_its_time_of_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = reader_of(monkeypatch, "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, -1))\nwhile True: pass")
    with pytest.raises(
        BadFile, match="a.parquet is Parquet that takes its reader over 600 s; .* Next: deliver it in several files"
    ):
        reader.inspect(FILE)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            "its reader was ended by signal 9, not by its bytes; nothing was taken in. Next:",
        ),
        ("os._exit(3)", "its reader was ended by itself, with exit code 3, not by its bytes; nothing was taken in. Next:"),
        ('print(\'{"failure": "no room"}\')', "no room"),
    ],
)
def test_what_is_done_to_its_reader_from_outside_says_nothing_of_a_file(
    monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    reader = reader_of(monkeypatch, code)
    with pytest.raises(MachineFailed, match=words):
        reader.inspect(FILE)
    reader.end()


def test_a_reader_that_says_nothing_for_too_long_is_ended_and_refuses_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_apart, "_PATIENCE", 0)
    monkeypatch.setattr(parquet_apart, "_COMMAND", (sys.executable, "-c", "import sys; sys.stdin.buffer.read()"))
    with pytest.raises(
        MachineFailed, match="its reader said nothing for 0 s; nothing was taken in. Next: the run is tried again"
    ):
        ParquetReader().inspect(FILE)


def test_a_machine_with_limits_of_its_own_reads_within_them() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (300, 300))\n"
        "from tests.unit.file_inspector.test_parquet_apart import FILE, ParquetReader\n"
        "print(ParquetReader().inspect(FILE).rows)"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=300, env=env)
    assert done.stdout == "2\n"


def test_a_reader_has_a_bounded_time_of_a_processor_for_its_file_and_leaves_no_core() -> None:
    reader = ParquetReader()
    for _ in range(2):  # the second file has as much as the first, on top of what that one took
        reader.inspect(FILE)
        assert reader._process
        soft, _ = resource.prlimit(reader._process.pid, resource.RLIMIT_CPU)
        assert parquet_apart._SECONDS < soft <= parquet_apart._SECONDS + 60
        assert resource.prlimit(reader._process.pid, resource.RLIMIT_CORE) == (0, 0)
    reader.end()


def test_what_nobody_foresaw_of_some_bytes_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_process, "inspect_parquet", lambda _: 1 // 0)
    fault = parquet_process._answer(FILE)["fault"]
    assert fault["words"] == "a.parquet is Parquet that cannot be read: its reader ended with ZeroDivisionError"
    assert fault["code"] == "parquet"


def test_a_reader_that_does_not_begin_refuses_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_apart, "_COMMAND", (sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(MachineFailed, match="the process that reads Parquet did not begin; nothing was taken in. Next: free"):
        ParquetReader().inspect(FILE)


def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next_file(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = ParquetReader()
    reader.inspect(FILE)

    def interrupted(_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(parquet_apart, "_line", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reader.inspect(FILE._replace(shape=FILE.shape.model_copy(update={"name": "b.parquet"})))
    monkeypatch.undo()
    assert reader.inspect(FILE).name == "a.parquet"
    reader.end()


def test_a_fork_has_a_reader_of_its_own() -> None:
    assert parquet_apart.inspect_apart(FILE).rows == 2
    ours = parquet_apart._READER._process
    child = os.fork()
    if not child:
        with_another = parquet_apart.inspect_apart(FILE).rows == 2 and parquet_apart._READER._process is not ours
        parquet_apart._READER.end()
        os._exit(0 if with_another else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert parquet_apart.inspect_apart(FILE).rows == 2
    assert parquet_apart._READER._process is ours
