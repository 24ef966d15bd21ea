"""Strict reading and whole-slice writing: every kind of bad row, every kind of bad delivery, in one write of the tiny case."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest
from deltalake import DeltaTable

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.jobs import LandedUnit, WriteJob
from lakeloop.core.reports import UnitWritten, WriteReport
from lakeloop.settings import Settings
from lakeloop.spark.connect import ConnectRunner

CASE, RUN_KEY = "use_cases.tiny:TINY", "a" * 64
HEADER = "shop,celsius,visitors,opens\n"
GOOD = HEADER + "harbour,21.5,120,2024-05-01T08:00:00Z\nmarket,-3,NA,2024-05-01 08:00:00+02:00\nstation,1e1,,\n"
OTHER_ORDER = '\ufeffopens,visitors,"celsius",shop\r\n2024-05-02T08:00:00Z,7,20.25,"harbour"\r\n,,19,market\r\n\r\n'
BAD_ROWS = [
    ("harbour,20,5,", []),
    (",20,5,", ["missing:shop"]),
    ("bakery,20,5,", ["allowed:shop"]),
    ("market,warm,5,", ["type:celsius"]),
    ("market,NaN,5,", ["type:celsius"]),
    ("market,1e999,5,", ["type:celsius"]),
    ("market,61,5,", ["range:celsius"]),
    ("market,20,5.0,", ["type:visitors"]),
    ("market,20,99999999999999999999,", ["type:visitors"]),
    ("market,20,5,2024-02-30T00:00:00Z", ["type:opens"]),
    ("pub,,-1,noon", ["allowed:shop", "missing:celsius", "range:visitors", "type:opens"]),
    ("market,20,5", ["malformed"]),
    ("market,20,5,,6", ["malformed"]),
]  # fmt: skip
TWICE = HEADER + "harbour,20,1,\nmarket,20,1,\nharbour,20,1,\nstation,20,1,\nstation,21,1,\n"


class Landed(NamedTuple):
    """What is delivered for one date: the files' texts and the rows the manifest promises."""

    files: dict[str, str]
    rows: int


DELIVERED = {
    date(2024, 5, 1): Landed({"all.csv": GOOD}, 3),
    date(2024, 5, 2): Landed({"one.csv": OTHER_ORDER, "two.csv": HEADER + "station,18,,\n"}, 3),
    date(2024, 5, 3): Landed({"all.csv": HEADER + "".join(f"{row}\n" for row, _ in BAD_ROWS)}, len(BAD_ROWS)),
    date(2024, 5, 4): Landed({"all.csv": TWICE}, 5),
    date(2024, 5, 5): Landed({"all.csv": HEADER + "harbour,20,1,\nmarket,warm,1,\n"}, 3),
    date(2024, 5, 6): Landed({"all.csv": HEADER}, 0),
    date(2024, 5, 7): Landed({"all.csv": ""}, 0),
    date(2024, 5, 8): Landed({"all.csv": "shop,celsius,visitors\nharbour,20,1\n"}, 1),
}


class Written(NamedTuple):
    """The write's report, by date, and the branch it stands on."""

    lake: LakeFSLake
    branch: str
    units: dict[date, UnitWritten]
    rows_on: Callable[[str, str], list[dict[str, object]]]

    def rows(self, table: str) -> list[dict[str, object]]:
        return self.rows_on(self.branch, table)


def unit(day: date, landed: Landed, table: str = "forecasts", delivery: int = 1) -> LandedUnit:
    return LandedUnit(
        table=table,
        data_date=day,
        delivery=delivery,
        sha256="b" * 64,
        path=f"landing/tiny/{table}/{day}/{delivery}-bbbbbbbbbbbb/",
        files=tuple(landed.files),
        manifest_rows=landed.rows,
        delivered_at=datetime(2024, 4, 30, 20, delivery, tzinfo=UTC),
        available_at=datetime(2024, 4, 30, 20, 1, tzinfo=UTC),
    )


def land(lake: LakeFSLake, branch: str, units: list[tuple[LandedUnit, Landed]]) -> str:
    for each, landed in units:
        for name, text in landed.files.items():
            lake.put(branch, each.path + name, text.encode())
    return lake.commit(branch, "landed", {})


@pytest.fixture(scope="module")
def written(stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner) -> Written:
    units = [(unit(day, landed), landed) for day, landed in DELIVERED.items()]
    shared_lake.create_branch("write", "main")
    commit = land(shared_lake, "write", units)
    job = WriteJob(
        repository=shared_lake.repository,
        case=CASE,
        landing_commit=commit,
        branch="write",
        run_key=RUN_KEY,
        units=tuple(each for each, _ in units),
    )
    report = runner.run(job)
    assert isinstance(report, WriteReport)
    options = {
        "AWS_ENDPOINT_URL": stack.lakefs_endpoint,
        "AWS_ACCESS_KEY_ID": stack.lakefs_access_key_id,
        "AWS_SECRET_ACCESS_KEY": stack.lakefs_secret_access_key.get_secret_value(),
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }

    def rows_on(branch: str, table: str) -> list[dict[str, object]]:
        uri = f"s3://{shared_lake.repository}/{branch}/{table}"
        found: list[dict[str, object]] = DeltaTable(uri, storage_options=options).to_pyarrow_table().to_pylist()
        return found

    return Written(shared_lake, "write", {one.data_date: one for one in report.units}, rows_on)


def counts(one: UnitWritten) -> tuple[int, int, int, int]:
    account = one.account
    return account.rows_in, account.published, account.quarantined, account.deduplicated


def test_good_rows_are_published_with_their_types_and_the_delivery_s_times(written: Written) -> None:
    first = [row for row in written.rows("clean/tiny/forecasts") if row["data_date"] == date(2024, 5, 1)]
    assert counts(written.units[date(2024, 5, 1)]) == (3, 3, 0, 0)
    assert sorted(first, key=lambda row: str(row["shop"])) == [
        {
            "shop": shop,
            "celsius": celsius,
            "visitors": visitors,
            "opens": opens,
            "data_date": date(2024, 5, 1),
            "delivered_at": datetime(2024, 4, 30, 20, 1, tzinfo=UTC),
            "available_at": datetime(2024, 4, 30, 20, 1, tzinfo=UTC),
            "delivery": 1,
            "run_key": RUN_KEY,
        }
        for shop, celsius, visitors, opens in (
            ("harbour", 21.5, 120, datetime(2024, 5, 1, 8, tzinfo=UTC)),
            ("market", -3.0, None, datetime(2024, 5, 1, 6, tzinfo=UTC)),
            ("station", 10.0, None, None),
        )
    ]


def test_columns_are_read_by_name_from_several_files(written: Written) -> None:
    second = [row for row in written.rows("clean/tiny/forecasts") if row["data_date"] == date(2024, 5, 2)]
    assert counts(written.units[date(2024, 5, 2)]) == (3, 3, 0, 0)
    assert {(row["shop"], row["celsius"], row["visitors"]) for row in second} == {
        ("harbour", 20.25, 7),
        ("market", 19.0, None),
        ("station", 18.0, None),
    }


def test_a_bad_row_is_kept_as_text_with_all_its_reasons_and_its_line(written: Written) -> None:
    bad = [row for row in written.rows("quarantine/tiny/forecasts") if row["data_date"] == date(2024, 5, 3)]
    wanted = [(line, text, reasons) for line, (text, reasons) in enumerate(BAD_ROWS, start=2) if reasons]
    assert sorted((row["line"], row["row"], row["reasons"]) for row in bad) == wanted
    assert {(row["run_key"], row["delivery"]) for row in bad} == {(RUN_KEY, 1)}


def test_first_reasons_add_up_and_all_reasons_stand_beside_them(written: Written) -> None:
    account = written.units[date(2024, 5, 3)].account
    assert counts(written.units[date(2024, 5, 3)]) == (13, 1, 12, 0)
    assert account.by_first_reason == {
        "missing:shop": 1, "allowed:shop": 2, "type:celsius": 3, "range:celsius": 1, "type:visitors": 2, "type:opens": 1,
        "malformed": 2,
    }  # fmt: skip
    assert account.by_any_reason == account.by_first_reason | {"missing:celsius": 1, "range:visitors": 1, "type:opens": 2}


def test_equal_rows_of_a_key_are_published_once_and_differing_ones_not_at_all(written: Written) -> None:
    one = written.units[date(2024, 5, 4)]
    assert counts(one) == (5, 2, 2, 1)
    assert one.account.by_first_reason == {"duplicate_key": 2}
    shops = [row["shop"] for row in written.rows("clean/tiny/forecasts") if row["data_date"] == date(2024, 5, 4)]
    assert sorted(map(str, shops)) == ["harbour", "market"]


@pytest.mark.parametrize(
    ("day", "code", "rows"),
    [(5, "manifest_rows", 2), (6, "zero_rows", 0), (7, "zero_rows", 0), (8, "header", 1)],
)
def test_a_refused_unit_publishes_nothing_and_loses_nothing(written: Written, day: int, code: str, rows: int) -> None:
    one = written.units[date(2024, 5, day)]
    assert one.refusal is not None
    assert (one.refusal.code, counts(one)) == (code, (rows, 0, rows, 0))
    assert not [row for row in written.rows("clean/tiny/forecasts") if row["data_date"] == date(2024, 5, day)]
    kept = [row for row in written.rows("quarantine/tiny/forecasts") if row["data_date"] == date(2024, 5, day)]
    assert len(kept) == rows
    assert all(f"refused:{code}" in str(row["reasons"]) for row in kept)


def test_a_row_s_own_reason_comes_before_its_unit_s(written: Written) -> None:
    account = written.units[date(2024, 5, 5)].account
    assert account.by_first_reason == {"refused:manifest_rows": 1, "type:celsius": 1}
    assert account.by_any_reason == {"refused:manifest_rows": 2, "type:celsius": 1}


def test_a_restatement_replaces_its_own_date_and_no_other(written: Written, runner: ConnectRunner) -> None:
    def others() -> list[str]:
        rows = written.rows("clean/tiny/forecasts")
        return sorted(str(row) for row in rows if row["data_date"] != date(2024, 5, 1))

    before, landed = others(), Landed({"all.csv": HEADER + "harbour,1,1,\n"}, 1)
    again = unit(date(2024, 5, 1), landed, delivery=2)
    commit = land(written.lake, "write", [(again, landed)])
    job = WriteJob(
        repository=written.lake.repository, case=CASE, landing_commit=commit, branch="write", run_key="c" * 64, units=(again,)
    )  # fmt: skip
    runner.run(job)
    now = [row for row in written.rows("clean/tiny/forecasts") if row["data_date"] == date(2024, 5, 1)]
    assert [(row["shop"], row["delivery"], row["run_key"]) for row in now] == [("harbour", 2, "c" * 64)]
    assert now[0]["available_at"] != now[0]["delivered_at"]
    assert others() == before


def test_a_unit_refused_after_it_was_written_goes_to_quarantine_beside_its_run_s_other_dates(
    written: Written, runner: ConnectRunner
) -> None:
    day = date(2024, 5, 1)
    unit_ = unit(day, DELIVERED[day])
    written.lake.create_branch("refused-later", written.branch)
    held = written.rows_on("refused-later", "clean/tiny/forecasts")
    others = written.rows_on("refused-later", "quarantine/tiny/forecasts")
    job = WriteJob(
        repository=written.lake.repository, case=CASE, landing_commit="refused-later", branch="refused-later", run_key=RUN_KEY,
        units=(unit_.model_copy(update={"refused": "audit"}),),
    )  # fmt: skip
    report = runner.run(job)
    assert isinstance(report, WriteReport)
    assert (counts(report.units[0]), report.units[0].account.by_first_reason) == ((3, 0, 3, 0), {"refused:audit": 3})
    kept = written.rows_on("refused-later", "quarantine/tiny/forecasts")
    assert [row["row"] for row in kept if row["data_date"] == day] == GOOD.splitlines()[1:]
    assert sorted(map(str, (row for row in kept if row["data_date"] != day))) == sorted(map(str, others))
    assert written.rows_on("refused-later", "clean/tiny/forecasts") == held
