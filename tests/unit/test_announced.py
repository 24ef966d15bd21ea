"""What a manifest announced is kept as it was judged."""

from __future__ import annotations

import json
from datetime import date

import pytest

from lakeloop.core import manifest
from lakeloop.core.announced import Announced
from lakeloop.core.contract import Column, TableContract

DAY = date(2024, 3, 1)
TABLE = TableContract(name="readings", columns=(Column(name="id", type="int"),), key=("id",))
FILE = {"name": "a.csv", "sha256": "0" * 64, "size": 1, "rows": 1}
SENT = json.dumps({
    "table": "readings", "data_date": "2024-03-01", "files": [FILE], "rows": 1, "source": "s\u00e9\n".strip(),
    "delivered_at": "2024-02-29T20:00:00Z",
}, indent=1).encode()  # fmt: skip


def test_what_was_packed_is_read_back_whole() -> None:
    found = Announced.read(TABLE, DAY, "1", SENT)
    again = Announced.unpacked(found.packed())
    assert again is not None
    assert (again.record, again.manifest) == (found.record, found.manifest)


def test_a_clock_that_was_set_back_makes_no_fault_of_a_manifest_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Announced.read(TABLE, DAY, "1", SENT).packed()

    class SetBack(manifest.datetime):
        @classmethod
        def now(cls, tz: object = None) -> SetBack:
            return cls(2020, 1, 1, tzinfo=manifest.UTC)

    monkeypatch.setattr(manifest, "datetime", SetBack)
    again = Announced.unpacked(kept)
    assert again is not None
    assert again.manifest.rows == 1


@pytest.mark.parametrize("kept", [b"", b"{}\n{}", b"no line feed", b'{"table": "readings"}\n'])
def test_what_cannot_be_read_back_is_read_anew(kept: bytes) -> None:
    assert Announced.unpacked(kept) is None


def test_a_record_without_its_manifest_is_read_anew() -> None:
    record, _ = Announced.read(TABLE, DAY, "1", SENT).packed().split(b"\n", 1)
    assert Announced.unpacked(record + b"\n") is None
