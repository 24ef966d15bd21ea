"""The warm Spark: one Connect server with Delta on loopback, a token at its door."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

from lakeloop.core.errors import StackFailed
from lakeloop.settings import Settings
from lakeloop.stack.artifacts import jar_folder
from lakeloop.stack.doctor import find_java
from lakeloop.stack.keys import Keys
from lakeloop.stack.layout import StackRoot, write_private
from lakeloop.stack.ports import LOOPBACK
from lakeloop.stack.program import Program

SERVER = Path(__file__).with_name("connect_server.py")
PROBE_SECONDS = 90
_JAVA_OPTIONS = (
    "-Duser.timezone=UTC -XX:+UseSerialGC "
    "-XX:ReservedCodeCacheSize=480m "  # compiled queries are kept for the next task; where they have no room, the JIT rests
    "-XX:+ExitOnOutOfMemoryError "  # what cannot go on is restarted
    # What is only lukewarm stays with the JIT's first compiler, ten times as long as by default: two cores have better to do.
    "-XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000 "
    "-XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000 "
    "-XX:-DontCompileHugeMethods"  # the rules of many columns are one method of Spark's, else interpreted: 17 µs a row, not 5
)

_LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSS}Z %p %c{1}: %m%n%ex
"""


def program(root: StackRoot, keys: Keys, settings: Settings, port: int) -> Program:
    """Writes the server's configuration (0600: it holds the lake's key and the token) and says how to start it."""
    folder = root.folder("spark/conf")
    lines = configuration(root, keys, settings, port)
    write_private(folder / "spark-defaults.conf", "".join(f"{name} {value}\n" for name, value in lines.items()))
    write_private(folder / "log4j2.properties", _LOG4J)
    home = spark_home()
    env = {
        "SPARK_CONF_DIR": str(folder),
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": LOOPBACK,
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYTHONPATH": str(settings.repo_root / "include"),
        "OMP_NUM_THREADS": "1",
        **_java_home(),
    }
    main = ("--master", f"local[{settings.spark_cores}]", "--name", "lakeloop", str(SERVER))
    return Program("spark", (str(home / "bin" / "spark-submit"), *main), env, grace=20)


def configuration(root: StackRoot, keys: Keys, settings: Settings, port: int) -> dict[str, str]:
    """Spark's settings, each proved together with the others."""
    return _server(root, keys, port) | _tables() | _lake(keys, settings) | _events(settings)


def prove(settings: Settings, whole: bool = True) -> None:
    """Raises unless a session answers and a stranger is turned away; the whole proof runs a query through a Python worker."""
    _listens(settings)
    command = [sys.executable, "-m", "lakeloop.spark.probe", *(["--whole"] if whole else [])]
    path = os.pathsep.join([str(settings.repo_root / "include")])
    env = os.environ | {"PYTHONPATH": path, "NO_PROXY": "127.0.0.1,localhost"}
    question = settings.spark_connect_url  # by standard input: it holds the token
    try:
        done = subprocess.run(
            command, input=question, env=env, check=False, capture_output=True, text=True, timeout=PROBE_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        message = f"Spark at {settings.spark_remote} gave no answer within {PROBE_SECONDS} s"
        raise StackFailed(message) from error
    if done.returncode:
        message = f"Spark at {settings.spark_remote}: {(done.stderr.strip().splitlines() or ['no words'])[-1]}"
        raise StackFailed(message)


def _listens(settings: Settings) -> None:
    """Spark's client tries for minutes to reach a port that nobody listens on; this says so at once."""
    host, _, port = settings.spark_remote.removeprefix("sc://").partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        message = f"Spark does not listen at {settings.spark_remote}: {error}"
        raise StackFailed(message) from error


def spark_home() -> Path:
    """The folder of the pyspark package, found without importing it."""
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        message = "pyspark is not installed; nothing was started; run `make setup`"
        raise StackFailed(message)
    return Path(found.origin).parent


def _java_home() -> dict[str, str]:
    java = find_java()
    return {"JAVA_HOME": str(Path(java).resolve().parents[1])} if java else {}


def _server(root: StackRoot, keys: Keys, port: int) -> dict[str, str]:
    scratch = root.folder("spark/local")
    return {
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.sql.artifact.isolation.enabled": "false",  # one class loader, so that a query is compiled once, not once a session
        "spark.connect.grpc.binding.address": LOOPBACK,
        "spark.connect.grpc.binding.port": str(port),
        "spark.connect.authenticate.token": keys.spark_token,
        "spark.connect.execute.manager.detachedTimeout": "2m",  # a killed client's query ends, even if nobody comes back
        "spark.driver.host": LOOPBACK,
        "spark.driver.bindAddress": LOOPBACK,
        "spark.driver.memory": "2g",
        "spark.driver.extraClassPath": f"{jar_folder()}/*",  # not spark.jars: each session would copy and load them again
        "spark.driver.extraJavaOptions": f"{_JAVA_OPTIONS} -Djava.io.tmpdir={scratch}",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(root.folder("spark/warehouse")),
    }


def _tables() -> dict[str, str]:
    return {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.delta.logStore.s3a.impl": "io.delta.storage.S3SingleDriverLogStore",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.codegen.cache.maxEntries": "1000",  # one audit's query is compiled to more than the 100 it keeps otherwise
        # as often as Spark makes one anyway: said in the table, so that delta-rs leaves a log that is as short
        "spark.databricks.delta.properties.defaults.checkpointInterval": "10",
        "spark.databricks.delta.snapshotPartitions": "2",  # 50 tasks for each read of a table otherwise
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",  # VACUUM runs 10,000 tasks otherwise
    }


def _events(settings: Settings) -> dict[str, str]:
    if settings.spark_events is None:
        return {}
    settings.spark_events.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.rolling.enabled": "false",  # one file a server
        "spark.eventLog.compress": "false",
        "spark.eventLog.dir": settings.spark_events.absolute().as_uri(),
    }


def _lake(keys: Keys, settings: Settings) -> dict[str, str]:
    s3a = {
        "endpoint": settings.lakefs_endpoint,
        "path.style.access": "true",
        "connection.ssl.enabled": "false",
        "endpoint.region": "us-east-1",
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "access.key": keys.lakefs_access_key_id,
        "secret.key": keys.lakefs_secret_access_key,
        "bucket.probe": "0",
        "multipart.purge": "false",
        "committer.name": "file",
    }
    return {f"spark.hadoop.fs.s3a.{name}": value for name, value in s3a.items()}
