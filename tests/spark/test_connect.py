"""A session can be found again and ended: a killed task's slots are free within seconds, and nothing is written later."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.errors import SparkFailed
from lakeloop.core.jobs import FingerprintJob, LandedUnit, Slice, WriteJob
from lakeloop.core.runs import SessionKey
from lakeloop.settings import REPO_ROOT, Settings
from lakeloop.spark.connect import ConnectRunner, interrupt, open_session
from lakeloop.spark.tables import among

UNIT = LandedUnit(
    table="forecasts",
    data_date=date(2024, 5, 1),
    delivery=1,
    sha256="b" * 64,
    path="landing/tiny/forecasts/2024-05-01/1-bbbbbbbbbbbb/",
    files=("nowhere.csv",),
    manifest_rows=1,
    delivered_at=datetime(2024, 4, 30, 20, tzinfo=UTC),
    available_at=datetime(2024, 4, 30, 20, tzinfo=UTC),
)
GENERATOR = "org.apache.spark.sql.catalyst.expressions.codegen.CodeGenerator"
FREE_SECONDS = 20
WATCH_SECONDS = 4

# Fills both slots for minutes, one small file after the other, as a task of ours would.
ENDLESS_WRITE = """
import json, sys
from pydantic import SecretStr
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings
from lakeloop.spark import connect
told = json.load(sys.stdin)
settings = Settings(spark_remote=told["remote"], spark_token=SecretStr(told["token"]))
spark = connect.open_session(settings, SessionKey(**told["key"]))
rows = spark.range(0, 40_000_000_000, numPartitions=4000).selectExpr("id", "xxhash64(id) AS h")
rows.where("h % 100000 = 0").write.format("delta").save(told["path"])
"""


# What a retry's process does, with the session of the try before it long closed.
RETRY = """
import json, sys
from pydantic import SecretStr
from pyspark.sql import SparkSession
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings
from lakeloop.spark import connect
told = json.load(sys.stdin)
settings = Settings(spark_remote=told["remote"], spark_token=SecretStr(told["token"]))
key = SessionKey(**told["key"])
assert not connect.interrupt(settings, key)
connect.open_session(settings, key.model_copy(update={"attempt": key.attempt + 1}))
print(SparkSession.active().range(7).count())
"""


@pytest.fixture
def nothing(lake: LakeFSLake) -> FingerprintJob:
    """The cheapest job there is."""
    asked = (Slice(table="clean/tiny/none", values=("2024-01-01",)),)
    return FingerprintJob(repository=lake.repository, case="use_cases.tiny:TINY", ref="main", slices=asked)


@pytest.mark.timeout(240)  # were the write not ended, the queries below would wait for it
def test_a_retry_ends_what_a_killed_try_still_writes(
    stack: Settings, spark: SparkSession, lake: LakeFSLake, new_key: Callable[[], SessionKey], nothing: FingerprintJob
) -> None:
    lake.create_branch("killed", "main")
    key = new_key()
    child = start_endless_write(stack, key, f"s3a://{lake.repository}/killed/clean/tiny/endless")
    wait_until(lambda: any(True for _ in lake.uncommitted("killed")), child)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(timeout=10)

    began = time.monotonic()
    with ConnectRunner(stack, key.model_copy(update={"attempt": 2})) as second:
        second.run(nothing)
    assert spark.range(0, 1000, numPartitions=2).count() == 1000
    assert time.monotonic() - began < FREE_SECONDS

    written = sorted(change.path for change in lake.uncommitted("killed"))
    assert not [path for path in written if path.endswith(".json")]
    watched = time.monotonic()
    while time.monotonic() - watched < WATCH_SECONDS:
        assert spark.range(10).count() == 10
        assert sorted(change.path for change in lake.uncommitted("killed")) == written


def test_a_late_try_cannot_use_a_session_that_was_interrupted_before_it_began(
    stack: Settings, new_key: Callable[[], SessionKey], nothing: FingerprintJob
) -> None:
    key = new_key()
    assert interrupt(stack, key)
    assert not interrupt(stack, key)
    with ConnectRunner(stack, key) as late, pytest.raises(SparkFailed, match="SESSION_CLOSED"):
        late.run(nothing)


def test_a_retry_works_in_its_own_session_when_the_try_before_it_had_closed_its_own(
    stack: Settings, new_key: Callable[[], SessionKey], nothing: FingerprintJob
) -> None:
    key = new_key()
    with ConnectRunner(stack, key) as first:
        first.run(nothing)
    retry = subprocess.run(
        [sys.executable, "-c", RETRY], input=told(stack, key), capture_output=True, text=True, check=False, timeout=60,
        env=os.environ | {"PYTHONPATH": str(REPO_ROOT / "include")},
    )  # fmt: skip
    assert (retry.stdout.strip(), retry.returncode) == ("7", 0), retry.stderr[-2000:]


def test_a_runner_leaves_no_session_behind(stack: Settings, new_key: Callable[[], SessionKey], nothing: FingerprintJob) -> None:
    key = new_key()
    with ConnectRunner(stack, key) as runner:
        runner.run(nothing)
        session = runner._spark
        assert session is not None
        assert session.session_id == key.id
        runner.run(nothing)
        assert runner._spark is session
    assert not interrupt(stack, key)
    with pytest.raises(PySparkException):
        session.range(1).count()


def compiled(spark: SparkSession) -> int:
    """Nanoseconds that the server spent on compiling queries so far; to ask is itself a query."""
    told = spark.sql(f"SELECT reflect('{GENERATOR}', 'compileTime')").collect()
    return int(told[0][0])


def summed(spark: SparkSession) -> float:
    """A query that no other test asks, through the executor and back."""
    rows = spark.range(1000).selectExpr("id % 7 AS k", "sqrt(id * 3 + 11) AS v")
    return float(rows.groupBy("k").agg({"v": "sum"}).agg({"sum(v)": "max"}).collect()[0][0])


def test_what_one_session_compiled_serves_the_next(stack: Settings, new_key: Callable[[], SessionKey]) -> None:
    with ExitStack() as held:
        first, second = (open_session(stack, new_key()) for _ in range(2))
        for session in (first, second):
            held.callback(session.stop)
        found = summed(first)
        assert compiled(first) > 0
        before = compiled(second)
        assert summed(second) == found
        assert compiled(second) == before


@contextmanager
def stopping(session: SparkSession) -> Iterator[SparkSession]:
    try:
        yield session
    finally:
        session.stop()


def counted(spark: SparkSession, dates: list[date]) -> int:
    """Rows of some dates out of forty, a row each, by a query that no other test asks."""
    rows = spark.range(40).selectExpr("id + sqrt(id + 5) AS v", "date_add(DATE'2024-01-01', int(id)) AS data_date")
    return rows.where(among("data_date", dates)).groupBy("data_date").agg({"v": "sum"}).count()


def test_what_one_night_compiled_serves_the_next(stack: Settings, new_key: Callable[[], SessionKey]) -> None:
    nights = [date(2024, 1, 1) + timedelta(days=at) for at in range(40)]
    with stopping(open_session(stack, new_key())) as session:
        assert [counted(session, nights[at : at + 3]) for at in (0, 20)] == [3, 3]
        before = compiled(session)
        assert counted(session, [nights[30], nights[9], date(2025, 1, 1)]) == 2
        assert compiled(session) == before
        assert [counted(session, some) for some in ([], nights)] == [0, 40]


def test_a_failure_says_what_where_why_and_what_was_not_done(stack: Settings, lake: LakeFSLake, runner: ConnectRunner) -> None:
    lake.create_branch("run-tiny", "main")
    job = WriteJob(
        repository=lake.repository,
        case="use_cases.tiny:TINY",
        landing_commit=lake.head("main"),
        branch="run-tiny",
        run_key="d" * 64,
        units=(UNIT,),
    )
    with pytest.raises(SparkFailed) as failed:
        runner.run(job)
    words = str(failed.value)
    assert words.startswith("write of use_cases.tiny:TINY on run-tiny failed: ")
    assert "PATH_NOT_FOUND" in words
    assert "run-tiny is kept and was not committed" in words
    assert "\n" not in words
    assert stack.spark_token.get_secret_value() not in words


def start_endless_write(stack: Settings, key: SessionKey, path: str) -> subprocess.Popen[str]:
    """Starts a client in a process of its own; what it needs to know comes by standard input, the token among it."""
    child = subprocess.Popen(
        [sys.executable, "-c", ENDLESS_WRITE],
        stdin=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(REPO_ROOT / "include")},
        text=True,
    )
    assert child.stdin is not None
    child.stdin.write(told(stack, key, path=path))
    child.stdin.close()
    return child


def told(stack: Settings, key: SessionKey, **more: str) -> str:
    """What a client in a process of its own needs to know."""
    known = {"remote": stack.spark_remote, "token": stack.spark_token.get_secret_value(), "key": key.model_dump()}
    return json.dumps(known | more)


def wait_until(holds: Callable[[], bool], child: subprocess.Popen[str], seconds: float = 90) -> None:
    """Asks again and again, as long as the child lives."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert child.poll() is None, "the client ended before it wrote"
        assert time.monotonic() < deadline, "the client wrote nothing in time"
        time.sleep(0.2)
