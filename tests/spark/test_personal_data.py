"""Canaries: personal values of every kind of delivery, and afterwards nothing but landing/ knows them."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.core.lake import EVIDENCE
from lakeloop.core.runs import Run, SessionKey
from lakeloop.ports import Lake
from lakeloop.settings import Settings
from lakeloop.stack.layout import StackRoot
from lakeloop.steps import ingest, ingest_publish
from lakeloop.steps.bootstrap import bootstrap
from lakeloop.steps.platform import Platform
from lakeloop.wiring import lake_of, open_platform
from tests.spark.small_flights import options
from tests.spark.small_people import CASE, CONTACTS, NAMES, csv_of, deliver, json_of, parquet_of, person, suites

pytestmark = [
    pytest.mark.timeout(1200),  # two whole ingests before the first test
    pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning"),  # of MLflow's own import
]
DAYS = [date(2024, 5, 1) + timedelta(days=n) for n in range(8)]
GOOD, JSON, PARQUET, NO_HEADER, NEW_KEY, LATIN, LIKE, NUMBERS = DAYS
CARD = "4929555123400007"
TALKERS = {"": logging.WARNING, "great_expectations": logging.WARNING}  # loggers, and their level before and after
CANARIES = ("canary", "Canary", "1871-03-", "55512340000", CARD)


@pytest.fixture(scope="module")
def settings(stack: Settings, mlflow_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of an empty lake."""
    home = tmp_path_factory.mktemp("people")
    return stack.model_copy(
        update={
            "home": home, "repository": "people", "mlflow_tracking_uri": mlflow_uri,
            "platform_db_url": f"sqlite:///{home / 'platform.db'}", "expectations": suites(home / "expectations"),
        }
    )  # fmt: skip


class Told(logging.Handler):
    """Everything that was logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Done:
    """The lake after all deliveries, the answers of every step, and what was logged."""

    def __init__(self, p: Platform, answers: list[dict[str, Any]], logged: list[str]) -> None:
        self.p, self.answers, self.logged = p, answers, logged


@pytest.fixture(scope="module")
def done(settings: Settings, new_key: Callable[[], SessionKey]) -> Iterator[Done]:
    """Every kind of delivery taken in, and one of them restated."""
    told = Told()
    logging.getLogger().addHandler(told)
    for name in TALKERS:
        logging.getLogger(name).setLevel(logging.DEBUG)
    bootstrap(lake_of(settings), "local://people", "c0de")
    with ExitStack() as stack:
        p = stack.enter_context(open_platform(CASE, new_key(), settings))
        for name, level in TALKERS.items():
            stack.callback(logging.getLogger(name).setLevel, level)
        stack.callback(logging.getLogger().removeHandler, told)
        first(settings.home)
        answers = take_in(p)
        deliver(settings.home, "customers", GOOD, "all.csv", csv_of(person("A1", "restated")), 1, number=2)
        yield Done(p, [*answers, *take_in(p)], told.lines)


def first(home: Path) -> None:
    customers = csv_of(
        person("A1", "good"), person("A2", "worse", spend="much"), person("A3", "short")[:5], person("A4", "twice"),
        person("A4", "thrice"), person("A5", "lines", city='Os,lo "x" '), person("A6", "wrong", spend="1e")[:6],
    )  # fmt: skip
    deliver(home, "customers", GOOD, "all.csv", customers, 7)
    broken = '{"id": "B3", "email": "canary', '{"id": "B4", "id": "canary"}'
    deliver(home, "customers", JSON, "all.jsonl", json_of(person("B1", "good"), person("B2", "bad", spend="much"), *broken), 4)
    deliver(home, "customers", NEW_KEY, "all.jsonl", json_of('{"id": "G1", "e_mail": "", "canary.key@nest.example": 1}'), 1)
    deliver(home, "customers", PARQUET, "all.parquet", parquet_of(person("C1", "good"), person("cc", "bad")), 2)
    deliver(home, "customers", NO_HEADER, "all.csv", csv_of(["D1", "canary", "email", "1871-03-01", "", ""], names=()), 0)
    deliver(home, "customers", LATIN, "all.csv", csv_of(person("E1", "latin")).decode().encode("latin-1"), 1)
    names = [column.name for column in CONTACTS.columns]
    for day, *cells in ((LIKE, "canary@nest.example", "1"), (NUMBERS, "none", CARD)):
        rows = csv_of(["F1", *cells, "Canary"], ["F2", "", "x", ""], ["F3", cells[0], "x", ""], names=names)
        deliver(home, "contacts", day, "all.csv", rows, 3)


def take_in(p: Platform) -> list[dict[str, Any]]:
    """One ingest; what its steps answer goes to XCom."""
    run = Run(case=CASE, stage="ingest", run_id="r")
    landed = ingest.intake(p, run)
    written = ingest.write(p, run, landed)
    audited = ingest_publish.audit(p, run, written)
    return [landed, written, audited, ingest_publish.publish_units(p, run, audited)]


def spelt(canary: str) -> list[bytes]:
    """The canary as bytes, however it may be written down; in base64, what does not depend on its neighbours."""
    plain = canary.encode()
    coded = [base64.b64encode(b" " * pad + plain)[-(-pad * 8 // 6) : (pad + len(plain)) * 8 // 6] for pad in range(3)]
    return [plain, canary.encode("utf-16-le"), canary.encode("utf-16-be"), plain.hex().encode(), *coded]


def canaries_in(content: bytes) -> list[str]:
    """Those that stand in some bytes, packed or not."""
    if content.startswith(b"PAR1"):
        content += json.dumps(pq.read_table(io.BytesIO(content)).to_pylist(), default=str, ensure_ascii=False).encode()
    return [canary for canary in CANARIES if any(form in content for form in spelt(canary))]


def objects(lake: Lake) -> Iterator[tuple[str, bytes]]:
    """Every object of every commit of main, and of every branch there is."""
    refs = [*(commit.id for commit in lake.log("main")), *(branch.name for branch in lake.branches(""))]
    seen = set[tuple[str, bytes]]()
    for ref in refs:
        for path in lake.list(ref, ""):
            one = (path, lake.get(ref, path))
            if one not in seen:
                seen.add(one)
                yield one


def test_every_kind_of_delivery_came_to_its_end(done: Done) -> None:
    published = [answer["published"] for answer in done.answers if "tables" in answer]
    refused = "\n".join(str(answer.get("refusals")) for answer in done.answers)
    assert published == [3, 1], refused
    for words in (
        "names not in the contract", "is not UTF-8", "contacts.remark holds what looks like e-mail addresses in 100%",
        "contacts.number holds what looks like card numbers", "contacts.first_name is named like a name",
    ):  # fmt: skip
        assert words in refused


def test_only_landing_knows_a_personal_value(done: Done) -> None:
    found = {path: canaries for path, content in objects(done.p.lake) if (canaries := canaries_in(content))}
    assert [path for path in found if path.startswith("landing/")], "or nothing was looked for"
    assert {path: canaries for path, canaries in found.items() if not path.startswith("landing/")} == {}


def test_no_commit_alert_log_or_answer_knows_one(done: Done, settings: Settings, stack: Settings) -> None:
    commits = "".join(f"{commit.message} {commit.metadata}" for commit in done.p.lake.log("main"))
    alerts = "".join(str(alert) for alert in PlatformDb(settings.platform_db_url).outbox.all())
    assert "contacts.remark" in alerts
    assert len(done.logged) > 10, "or nothing was looked at"
    told = {
        "commits": commits.encode(),
        "alerts": alerts.encode(),
        "database": (settings.home / "platform.db").read_bytes(),
        "answers": json.dumps(done.answers, default=str).encode(),
        "our log": "\n".join(done.logged).encode(),
        "Spark's log": StackRoot(stack.home).log("spark").read_bytes(),
    }
    assert {where: canaries for where, content in told.items() if (canaries := canaries_in(content))} == {}


def table(done: Done, settings: Settings, path: str) -> list[dict[str, Any]]:
    uri = f"s3://people/main/{path}"
    rows: list[dict[str, Any]] = DeltaTable(uri, storage_options=options(settings)).to_pyarrow_table().to_pylist()
    return rows


def test_a_published_row_has_a_mask_and_its_other_columns(done: Done, settings: Settings) -> None:
    rows = table(done, settings, "clean/people/customers")
    shown = {row["id"]: [row[name] for name in NAMES[1:]] for row in rows}
    assert shown == {key: ["***", None, None, "Oslo", 1.5] for key in ("A1", "B1", "C1")}


def test_a_quarantined_row_keeps_what_nobody_is_known_by(done: Done, settings: Settings) -> None:
    rows = table(done, settings, "quarantine/people/customers")
    kept = {(row["data_date"], row["line"]): (row["reasons"], row["row"]) for row in rows}
    assert kept[GOOD, 3] == (["type:spend"], "A2,***,***,***,Oslo,much")
    reasons, text = kept[GOOD, 4]
    assert reasons == ["malformed"]
    assert re.fullmatch(rf"\*\*\* landing/people/customers/{GOOD}/1-[0-9a-f]+/all.csv", text)
    assert [kept[GOOD, line][0] for line in (5, 6)] == [["duplicate_key"]] * 2
    assert kept[JSON, 2][1] == '{"id": "B2", "email": "***", "born": "***", "card": "***", "city": "Oslo", "spend": "much"}'
    assert [kept[JSON, line][0] for line in (3, 4)] == [["malformed"], ["repeated_key"]]
    assert kept[PARQUET, 2][1] == '{"id": "cc", "email": "***", "born": "***", "card": "***", "city": "Oslo", "spend": 1.5}'


def test_a_refused_delivery_is_in_quarantine_without_what_the_scanner_saw(done: Done, settings: Settings) -> None:
    rows = table(done, settings, "quarantine/people/contacts")
    assert sorted(row["row"] for row in rows) == [*["F1,***,***,***"] * 2, *["F2,,***,"] * 2, *["F3,***,***,"] * 2]


def test_the_page_shows_a_row_in_quarantine_with_its_masks_and_without_its_text_where_the_scanner_saw_a_column(
    done: Done,
) -> None:
    pages = [
        json.loads(done.p.lake.get("main", path)) for path in done.p.lake.list("main", EVIDENCE) if path.endswith("audit.json")
    ]
    shown: dict[tuple[str, str], list[str]] = {
        (unit["table"], unit["data_date"]): check["rows"]
        for page in pages for unit in page["units"] for check in unit["failed"] if check["name"].startswith("quarantine_share")
    }  # fmt: skip
    assert shown["customers", f"{GOOD}"] == [
        "line=3, reasons=type:spend, row=A2,***,***,***,Oslo,much", "line=8, reasons=type:spend, row=A6,***,***,***,Oslo,1e",
    ]  # fmt: skip
    assert shown["contacts", f"{LIKE}"] == [f"line={line}, reasons=type:number" for line in (3, 4)]
