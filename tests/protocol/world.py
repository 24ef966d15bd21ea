"""A world of one test: a repository under the gate, a feed folder, and the real ports around them."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from lakeloop.adapters.delta_tables import DeltaRsTables
from lakeloop.adapters.feed_memory import FeedMemory
from lakeloop.adapters.file_inspector import FileInspector
from lakeloop.adapters.folder_source import FolderSource
from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.adapters.platform_db.alerts import PlatformOutbox
from lakeloop.adapters.platform_db.database import Database
from lakeloop.adapters.platform_db.lease import PlatformLease
from lakeloop.core.jobs import Slice
from lakeloop.core.lake import UnitId
from lakeloop.core.receipts import DataReceipt, PromotionReceipt, Reads, RefusalReceipt
from lakeloop.core.retraining import Cause
from lakeloop.core.runs import Run
from lakeloop.core.withdrawal import Condemned
from lakeloop.gate import gate_version
from lakeloop.ports import Lake, ModelVersion
from lakeloop.steps import act, ingest, ingest_publish, score, watch
from lakeloop.steps.bootstrap import bootstrap
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, publish, seal
from lakeloop.steps.verify import verify
from tests.protocol.delta_runner import CLEAN, QUARANTINE, SCORES, DeltaRunner
from tests.protocol.toy import TOY

DAY_ONE = date(2024, 1, 1)
Rows = dict[int, float]


@dataclass(frozen=True)
class Address:
    """What a process of its own needs to stand in the same world; it can be pickled."""

    endpoint: str
    key: str
    secret: str = field(repr=False)
    repository: str
    folder: Path


class NoRuns:
    """No fit is written down: what trains is tested on the real parts."""

    def made(self, model: str, run_key: str) -> ModelVersion | None:
        """Nothing registered."""

    def causes(self, model: str, besides: str = "") -> list[Cause]:
        """Nothing ran."""
        return []

    def running(self, model: str, run_key: str, params: Mapping[str, str], tags: Mapping[str, str]) -> Any:
        """Nothing runs."""
        raise NotImplementedError

    def record(self, run_id: str, **_: Any) -> ModelVersion:
        """Nothing recorded."""
        raise NotImplementedError

    def describe(self, version: ModelVersion, words: str, files: Mapping[str, str]) -> None:
        """Nothing described."""


class NoRegistry:
    """The protocol needs no model: scores are the toy runner's own."""

    def download(self, model: str, version: int, sha256: str, folder: str) -> str:
        """Nothing to fetch."""
        return f"{folder}/{model}-{version}"

    def flag(self, model: str, version: int, key: str, value: str) -> None:
        """Nothing to tag."""

    def version(self, model: str, version: int) -> ModelVersion:
        """Nothing registered."""
        raise NotImplementedError

    def versions(self, model: str) -> list[ModelVersion]:
        """None registered."""
        return []

    def metrics(self, model: str, version: int) -> dict[str, float]:
        """Nothing measured."""
        return {}

    def aliases(self, model: str) -> dict[str, int]:
        """No alias."""
        return {}

    def point(self, model: str, alias: str, version: int | None) -> None:
        """No alias."""


def platform(at: Address, lake: Lake | None = None) -> Platform:
    """The real ports of a world; `lake` stands in for its client where a test wants to break it."""
    lake = lake or LakeFSLake(at.endpoint, at.key, at.secret, at.repository, at.folder / "cache" / "history.db", "c0de")
    tables = DeltaRsTables(at.endpoint, at.key, at.secret, at.repository)
    options = {
        "AWS_ENDPOINT_URL": at.endpoint, "AWS_ACCESS_KEY_ID": at.key, "AWS_SECRET_ACCESS_KEY": at.secret,
        "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true",
    }  # fmt: skip
    database = Database(f"sqlite:///{at.folder / 'platform.db'}")
    return Platform(
        case=TOY, case_ref="tests.protocol.toy:TOY", lake=lake, tables=tables,
        spark=DeltaRunner(lake, tables, options), registry=NoRegistry(), runs=NoRuns(), lock_digest="",
        lease=PlatformLease(database, ttl=0.3, patience=30), outbox=PlatformOutbox(database),
        source=FolderSource(at.folder / "feed", FeedMemory(at.folder / "feed.db", "c0de"), ("toy",)), inspector=FileInspector(),
        code_version="c0de",
    )  # fmt: skip


def found(at: Address) -> Platform:
    """Create the world's repository under the gate and give its platform."""
    p = platform(at)
    bootstrap(LakeFSLake(at.endpoint, at.key, at.secret, at.repository), f"local://{at.repository}", "c0de")
    return p


def deliver(
    at: Address, day: date, rows: Rows, *, table: str = "readings", later: int = 0, damaged: bool = False,
    spoil: Callable[[str], str] = str, name: str = "", number: int = 0,
) -> None:  # fmt: skip
    """Put a delivery of a date into the feed, behind those there are and its file under the table's name unless told.

    `later` orders the deliveries of one date, `spoil` is the supplier's own fault.
    """
    name = name or f"{table}.csv"
    base = at.folder / "feed" / "toy" / table / day.isoformat()
    folder = base / str(number or (1 + len(list(base.glob("*"))) if base.exists() else 1))
    folder.mkdir(parents=True)
    body = spoil("id,value\n" + "".join(f"{key},{value}\n" for key, value in sorted(rows.items()))).encode()
    (folder / name).write_bytes(body[: len(body) // 2] if damaged else body)
    lag = timedelta(days=TOY.table(table).lag_days)
    when = datetime(day.year, day.month, day.day, tzinfo=UTC) + lag - timedelta(hours=4) + timedelta(hours=later)
    file = {"name": name, "sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "rows": len(rows)}
    manifest = {
        "table": table, "data_date": day.isoformat(), "files": [file], "rows": len(rows),
        "source": "test", "delivered_at": when.isoformat(),
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))


def run(stage: str, attempt: int = 1, **more: Any) -> Run:
    """A run of the toy case."""
    return Run(case="tests.protocol.toy:TOY", stage=stage, run_id=f"{stage}-1", attempt=attempt, **more)


def taken_back(at: Address, day: date, kept: Rows, faulty: Rows) -> Platform:
    """A world that keeps its first night, and in which the watch took another one back."""
    p = crowned(at, DAY_ONE, kept)
    deliver(at, day, faulty)
    ingest_all(p)
    score_all(p)
    assert watch_all(p)["withdrawn"] == 1
    return p


def ingest_all(p: Platform, attempt: int = 1, **more: Any) -> dict[str, Any]:
    """The whole ingest of whatever is in the feed."""
    audited = ingest_to_audit(p, attempt, **more)
    return audited if audited["nothing_to_do"] else ingest_publish.publish_units(p, run("ingest", attempt, **more), audited)


def ingest_to_audit(p: Platform, attempt: int = 1, **more: Any) -> dict[str, Any]:
    """Ingest up to the sealed receipt on the run branch."""
    this = run("ingest", attempt, **more)
    written = ingest.write(p, this, ingest.intake(p, this))
    return written if written["nothing_to_do"] else ingest_publish.audit(p, this, written)


def score_all(p: Platform, attempt: int = 1) -> dict[str, Any]:
    """Score and seal a candidate."""
    scored = score.score(p, run("score", attempt))
    return scored if scored["nothing_to_do"] else score.audit(p, run("score", attempt), scored)


def watch_all(p: Platform, attempt: int = 1, **more: Any) -> dict[str, Any]:
    """Judge and act."""
    this = run("watch", attempt, **more)
    judged = watch.judge_dates(p, this)
    return judged if judged["nothing_to_do"] else act.act(p, this, judged)


def asking(p: Platform) -> Platform:
    """The same world, whose watch asks before it withdraws."""
    drift = p.case.drift.model_copy(update={"act": "hold"})
    return replace(p, case=p.case.model_copy(update={"drift": drift}))


def alerts(p: Platform) -> list[Any]:
    """What on-call was told."""
    outbox = p.outbox
    assert isinstance(outbox, PlatformOutbox)
    return list(outbox.all())


def changed(p: Platform, **changes: Any) -> Platform:
    """The same world under another contract of the readings."""
    tables = tuple(one.model_copy(update=changes) if one.name == "readings" else one for one in p.case.tables)
    return replace(p, case=p.case.model_copy(update={"tables": tables}))


def condemned(p: Platform, day: date) -> list[Condemned]:
    """The rows that main holds of a date, as a verdict condemns them."""
    owner = read_ledger(p.lake, "toy").owner(UnitId("readings", day))
    assert owner is not None
    return [Condemned(UnitId("readings", day), owner.run_key, "test")]


def crown(p: Platform, version: int = 1, reads: Reads | None = None, holdout_auc: float | None = None) -> None:
    """Promote a version, which read nothing unless told; scoring begins on the next night."""
    head = p.lake.head("main")
    ledger = read_ledger(p.lake, "toy", head)
    seq = (ledger.champion.seq if ledger.champion else 0) + 1
    branch = run("train").branch("toy")
    p.lake.create_branch(branch, head)
    receipt = PromotionReceipt(
        run_key=hashlib.sha256(f"promotion {seq}".encode()).hexdigest(), case="toy", stage="train", base_commit=head,
        audited_commit=head, gate_version=gate_version(), code_version="c0de", actor="test", run_id="t",
        created_at=datetime.now(UTC), seq=seq, model_name="toy", model_version=version, model_sha256="0" * 64,
        data_commit=head, metrics={} if holdout_auc is None else {"holdout_auc": holdout_auc}, gates=(), reads=reads or {},
    )  # fmt: skip
    seal(p.lake, branch, receipt)
    publish(p.lake, p.tables, p.lease, Work(branch, receipt, lambda _: None))


def crowned(at: Address, day: date, rows: Rows) -> Platform:
    """A world with one published day and a champion: the next night is scored."""
    p = found(at)
    deliver(at, day, rows)
    ingest_all(p)
    crown(p)
    return p


def clean_rows(p: Platform) -> dict[date, Rows]:
    """What main holds: date to id to value."""
    return _held(p, CLEAN, "value")


def available(p: Platform) -> dict[date, dict[int, datetime]]:
    """What main's rows say of when they were available: date to id to time."""
    return _held(p, CLEAN, "available_at")


def trusts(p: Platform) -> dict[date, set[str]]:
    """Published scores: date to the trust flags on its rows."""
    return {day: set(rows.values()) for day, rows in _held(p, SCORES, "trust").items()}


def scored_ids(p: Platform) -> dict[date, list[int]]:
    """Published scores: date to the ids that have one."""
    return {day: sorted(rows) for day, rows in _held(p, SCORES, "score").items()}


def verdict_rows(p: Platform) -> list[tuple[str, str]]:
    """(date, verdict) rows on main, sorted."""
    return _verdicts(p, "data_date", "verdict")


def trust_told(p: Platform) -> list[tuple[str, str]]:
    """(verdict, trust) rows on main, sorted: what the verdicts say of the dates' scores."""
    return _verdicts(p, "verdict", "trust")


def _verdicts(p: Platform, *columns: str) -> list[Any]:
    table = _table(p, "watch/toy/verdicts")
    return sorted(zip(*(table[name].to_pylist() for name in columns), strict=True)) if table else []


def quarantined(p: Platform) -> list[tuple[date, str, list[str]]]:
    """(date, row, reasons) of the rows in quarantine on main, sorted."""
    table = _table(p, QUARANTINE)
    return sorted((row["data_date"], row["row"], row["reasons"]) for row in table.to_pylist()) if table else []


def _held(p: Platform, path: str, column: str) -> dict[date, dict[int, Any]]:
    held: dict[date, dict[int, Any]] = {}
    table = _table(p, path)
    for row in table.to_pylist() if table else []:
        rows = held.setdefault(row["data_date"], {})
        assert row["id"] not in rows, f"{path} holds id {row['id']} of {row['data_date']} twice"
        rows[row["id"]] = row[column]
    return held


def _table(p: Platform, path: str) -> Any:
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    tables = p.tables
    assert isinstance(tables, DeltaRsTables)
    try:
        return DeltaTable(tables._uri("main", path), storage_options=tables._options).to_pyarrow_table()
    except TableNotFoundError:
        return None


def slices(*days: date) -> list[Slice]:
    """Clean partitions of some dates."""
    return [Slice(table=CLEAN, values=tuple(day.isoformat() for day in days))]


def assert_whole(p: Platform) -> None:
    """Main attests from its first merge on, and no work was merged twice."""
    judged = list(verify(p.lake))
    assert [finding for _, findings in judged for finding in findings] == []
    keys = [commit.metadata["lakeloop_run_key"] for commit, _ in judged]
    assert len(keys) == len(set(keys))


def assert_accounted(p: Platform) -> None:
    """Every receipt's accounts say where its rows are on main: in quarantine under its key, or published at its merge."""
    kept = _table(p, QUARANTINE)
    keys = kept["run_key"].to_pylist() if kept else []
    for key, entry in read_ledger(p.lake, "toy").entries.items():
        receipt = entry.receipt
        published = receipt.published if isinstance(receipt, DataReceipt) else ()
        refused = receipt.refused if isinstance(receipt, DataReceipt | RefusalReceipt) else ()
        accounts = [one.account for one in (*published, *refused) if one.account]
        assert keys.count(key) == sum(one.quarantined for one in accounts)
        assert [one.account.published for one in refused if one.account and one.account.published] == []
        for one in published:
            found = p.tables.fingerprints(entry.commit, slices(one.data_date))
            assert found[(CLEAN, one.data_date.isoformat())].rows == one.account.published
