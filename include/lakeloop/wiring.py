"""Which adapter stands behind each port; everything heavy is imported on use."""

import hashlib
import importlib
import os
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from lakeloop.core.errors import ConfigurationError
from lakeloop.core.runs import SessionKey
from lakeloop.core.use_case import UseCase
from lakeloop.ports import ModelRegistry, Source, TableFiles, TrainingRuns
from lakeloop.settings import Settings
from lakeloop.steps.platform import Platform

_CODE = ("include", "spark_jobs")
_PLATFORM = ("include/lakeloop", "plugins")
_LOCK = "requirements.lock"
_COMPILED = "__pycache__"


def load_case(case_ref: str) -> UseCase:
    """The use case named "module:NAME".

    Raises:
        ConfigurationError: there is none of that name.
    """
    module, _, name = case_ref.partition(":")
    try:
        case = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        msg = f"no use case {case_ref}: {error}; nothing was done."
        raise ConfigurationError(msg) from error
    if not isinstance(case, UseCase):
        msg = f"{case_ref} is a {type(case).__name__}, not a UseCase; nothing was done."
        raise ConfigurationError(msg)
    return case


def case_ref(name: str) -> str:
    """`module:NAME` of a case, by its folder under use_cases."""
    return f"use_cases.{name}:{name.upper()}"


def case_names() -> list[str]:
    """The folders under use_cases."""
    return sorted(found.name for found in pkgutil.iter_modules(importlib.import_module("use_cases").__path__) if found.ispkg)


def placed(case: UseCase, settings: Settings) -> UseCase:
    """The case with the number of workers that its fits have here, which is a part of each version's record."""
    workers = case.model.num_workers or settings.spark_cores
    return case.model_copy(update={"model": case.model.model_copy(update={"num_workers": workers})})


@cache
def code_version(root: Path, expectations: Path) -> str:
    """Twelve hex digits over all that decides a result: `include/`, `spark_jobs/`, the suites and the lock.

    Every file counts, whatever its kind: the gate's Lua, an audit's page and a suite decide as much as Python does.
    """
    lock = root / _LOCK
    files = _named(root, _CODE)
    files |= {path: f"expectations/{name}" for path, name in _sources(expectations).items()}
    return _digest(files | ({str(lock): lock.name} if lock.exists() else {}))


def platform_code(root: Path) -> str:
    """Twelve hex digits over the platform's own Python, cases apart: what Airflow's processes import once, when they start.

    Empty while a file goes away under the reader.
    """
    try:
        return _digest({path: name for path, name in _named(root, _PLATFORM).items() if path.endswith(".py")})
    except FileNotFoundError:
        return ""


def check_platform_code(settings: Settings) -> None:
    """Let no task run half of the code that is there and half of that which its scheduler imported.

    Raises:
        ConfigurationError: the platform's code is not what the stack was started with.
    """
    if settings.platform_code and platform_code(settings.repo_root) != settings.platform_code:
        msg = (
            f"the code under {' and '.join(_PLATFORM)} was changed since the stack was started, and Airflow has a part of it "
            "as it was; the task did nothing. Next: `lakeloop up` when no other task runs, since it begins the stack anew; "
            "then clear this one."
        )
        raise ConfigurationError(msg)


def lock_digest(root: Path) -> str:
    """Twelve hex digits over the lock; empty where there is none."""
    lock = root / _LOCK
    return hashlib.sha256(lock.read_bytes()).hexdigest()[:12] if lock.exists() else ""


def _digest(files: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for path, name in sorted(files.items(), key=lambda file: file[1]):
        digest.update(name.encode() + b"\0" + Path(path).read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _named(root: Path, folders: Iterable[str]) -> dict[str, str]:
    return {path: f"{folder}/{name}" for folder in folders for path, name in _sources(root / folder).items()}


def _sources(folder: Path) -> dict[str, str]:
    """The path of every file below a folder, but what Python compiled and what is hidden, with its name below it."""
    found, top = list[str](), len(str(folder)) + 1  # as text: every task asks, and paths cost as much as the files
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != _COMPILED and not name.startswith(".")]
        found += [f"{here}/{name}" for name in names if not name.startswith(".")]
    return {path: path[top:] for path in found if Path(path).is_file()}


def _code_of(settings: Settings) -> str:
    return code_version(settings.repo_root, settings.expectations_root)


def _folding_code(settings: Settings) -> str:
    """A digest of the code that folds states in this process; empty where it may have imported another than is on disk."""
    found = platform_code(settings.repo_root)
    return found if settings.platform_code in {"", found} else ""


def lake_of(settings: Settings, *, is_kept: bool = True):  # type: ignore[no-untyped-def]
    """The lakeFS client of the settings' repository; unless `is_kept`, nothing is read but from the server.

    No state is kept where nobody can say by which code it would be folded.
    """
    from lakeloop.adapters.lakefs_lake import LakeFSLake

    server = hashlib.sha256(settings.lakefs_endpoint.encode()).hexdigest()[:8]
    return LakeFSLake(
        settings.lakefs_endpoint,
        settings.lakefs_access_key_id,
        settings.lakefs_secret_access_key.get_secret_value(),
        settings.repository,
        settings.home / "cache" / f"history-{settings.repository}-{server}.db" if is_kept else None,
        _folding_code(settings) if is_kept else "",
    )


def table_files_of(settings: Settings) -> TableFiles:
    """The lake's Delta tables by their data files, without Spark."""
    from lakeloop.adapters.delta_tables import DeltaRsTables

    secret = settings.lakefs_secret_access_key.get_secret_value()
    return DeltaRsTables(settings.lakefs_endpoint, settings.lakefs_access_key_id, secret, settings.repository)


def source_of(settings: Settings) -> Source:
    """The feed that the settings name."""
    from lakeloop.adapters.feed_memory import FeedMemory

    memory = FeedMemory(settings.home / "cache" / "feed.db", _code_of(settings))
    if settings.feed.startswith("s3://"):
        from lakeloop.adapters.s3_source import S3Source

        secret = settings.feed_secret_access_key.get_secret_value()
        keys = settings.feed_access_key_id, secret
        return S3Source(settings.feed, memory, case_names(), settings.feed_endpoint, *keys, settings.feed_region)
    from lakeloop.adapters.folder_source import FolderSource

    return FolderSource(Path(settings.feed) if settings.feed else settings.home / "feed", memory, case_names())


def registry_of(settings: Settings) -> ModelRegistry:
    """The model registry."""
    from lakeloop.adapters.mlflow_server import MlflowRegistry

    return MlflowRegistry(settings.mlflow_tracking_uri)


def runs_of(settings: Settings) -> TrainingRuns:
    """Where training runs are written down."""
    from lakeloop.adapters.mlflow_server import MlflowRuns

    return MlflowRuns(settings.mlflow_tracking_uri)


def platform_db_of(settings: Settings):  # type: ignore[no-untyped-def]
    """Leases, freeze flag, alert outbox and session log."""
    from lakeloop.adapters.platform_db import PlatformDb

    return PlatformDb(settings.platform_db_url)


def bootstrap_lake(settings: Settings) -> str:
    """Create, protect and gate the repository; idempotent; says in a sentence what was done."""
    from lakeloop.steps.bootstrap import bootstrap

    return bootstrap(lake_of(settings), settings.storage_namespace, _code_of(settings))


def upgrade_lake(settings: Settings) -> str:
    """Bring this code's gate over an older one; says in a sentence what was done."""
    from lakeloop.steps.bootstrap import upgrade

    return upgrade(lake_of(settings), _code_of(settings))


@contextmanager
def noted(session: SessionKey, settings: Settings) -> Iterator[None]:
    """Notes the session of a command while it runs, so that nobody replaces Spark under one that rests, and the janitor
    ends what a killed one left; a try of Airflow's is noted by its task."""
    sessions = platform_db_of(settings).sessions
    sessions.opened(session)
    try:
        yield
    finally:
        sessions.ended(session.id)


@contextmanager
def open_platform(case_ref: str, session: SessionKey, settings: Settings | None = None) -> Iterator[Platform]:
    """The ports for one task, with a Spark session named by `session` that is opened on first use."""
    from lakeloop.adapters.file_inspector import FileInspector
    from lakeloop.adapters.spark_tables import JobTables
    from lakeloop.spark.connect import ConnectRunner

    settings = settings or Settings.load()
    case = placed(load_case(case_ref), settings)
    lake, database = lake_of(settings), platform_db_of(settings)
    runner = ConnectRunner(settings, session)
    try:
        yield Platform(
            case=case, case_ref=case_ref, lake=lake, tables=JobTables(runner, settings.repository, case_ref),
            spark=runner, registry=registry_of(settings), runs=runs_of(settings), lease=database.lease,
            outbox=database.outbox, source=source_of(settings), inspector=FileInspector(),
            code_version=_code_of(settings),
            lock_digest=lock_digest(settings.repo_root),
            links={"airflow": settings.airflow_url},
            sites={"mlflow": settings.mlflow_url, "lake": f"{settings.alerts_url}/lake/"},
        )  # fmt: skip
    finally:
        runner.close()
