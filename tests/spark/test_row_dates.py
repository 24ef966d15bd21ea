"""A row whose own date cannot be told, though there is something to tell it from, is not taken for one of its delivery's date."""

from __future__ import annotations

from datetime import date

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.settings import Settings
from lakeloop.spark.connect import ConnectRunner
from tests.spark.small_parcels import CONTRACT, NAMES, PARCELS, Landed, line, write

DAY = date(2024, 5, 10)
TOLD = CONTRACT.model_copy(update={"date_of": "to_date(concat(note, raw), 'yyyyMMdd')"})
DATED = PARCELS.model_copy(update={"tables": (TOLD,)})
ROWS = {
    "A1": ("202405", "10", []),
    "A2": ("202405", "08", []),  # two days late, and kept
    "A3": ("202405", "11", ["other_date"]),
    "A4": ("10.05.", "2024", ["other_date"]),
    "A5": ("202402", "30", ["other_date"]),
    "A6": ("202405", None, ["other_date"]),
    "A7": (None, None, []),  # it says nothing of its date
}


def test_a_date_that_cannot_be_told_from_what_is_there_is_another_date(
    stack: Settings, lake: LakeFSLake, runner: ConnectRunner
) -> None:
    rows = [line({name: name for name in NAMES}), *(line({"id": id_, "note": a, "raw": b}) for id_, (a, b, _) in ROWS.items())]
    landed = {DAY: Landed({"rows.csv": "".join(f"{row}\n" for row in rows).encode()}, len(ROWS))}
    done = write(stack, lake, runner, "dates", landed, f"{__name__}:DATED")
    kept = {str(row["row"])[:2]: row["reasons"] for row in done.quarantine[DAY]}
    assert {str(row["id"]) for row in done.clean[DAY]} == {id_ for id_, (_, _, reasons) in ROWS.items() if not reasons}
    assert kept == {id_: reasons for id_, (_, _, reasons) in ROWS.items() if reasons}
