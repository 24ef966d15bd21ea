"""Which adapter stands behind each port; everything heavy is imported on use."""

import hashlib
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from lakeloop.core.errors import ConfigurationError
from lakeloop.core.runs import SessionKey
from lakeloop.core.use_case import UseCase
from lakeloop.settings import Settings
from lakeloop.steps.platform import Platform

_CODE = ("include", "spark_jobs")
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


@cache
def code_version(root: Path, expectations: Path) -> str:
    """Twelve hex digits over all that decides a result: `include/`, `spark_jobs/`, the suites and the lock.

    Every file counts, whatever its kind: the gate's Lua, an audit's page and a suite decide as much as Python does.
    """
    digest = hashlib.sha256()
    lock = root / "requirements.lock"
    files = {path: path.relative_to(root).as_posix() for folder in _CODE for path in _sources(root / folder)}
    files |= {path: f"expectations/{path.relative_to(expectations).as_posix()}" for path in _sources(expectations)}
    files |= {lock: lock.name} if lock.exists() else {}
    for path, name in sorted(files.items(), key=lambda file: file[1]):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _sources(folder: Path) -> list[Path]:
    """Every file below a folder, but what Python compiled and what is hidden."""
    parts = {path: path.relative_to(folder).parts for path in folder.rglob("*") if path.is_file()}
    return [path for path, names in parts.items() if _COMPILED not in names and not any(name.startswith(".") for name in names)]


def _code_of(settings: Settings) -> str:
    return code_version(settings.repo_root, settings.expectations_root)


def lake_of(settings: Settings):  # type: ignore[no-untyped-def]
    """The lakeFS client of the settings' repository."""
    from lakeloop.adapters.lakefs_lake import LakeFSLake

    return LakeFSLake(
        settings.lakefs_endpoint,
        settings.lakefs_access_key_id,
        settings.lakefs_secret_access_key.get_secret_value(),
        settings.repository,
    )


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
def open_platform(case_ref: str, session: SessionKey, settings: Settings | None = None) -> Iterator[Platform]:
    """The ports for one task, with a Spark session named by `session` that is opened on first use."""
    from lakeloop.adapters.folder_source import FolderSource
    from lakeloop.adapters.mlflow_registry import MlflowRegistry
    from lakeloop.adapters.spark_tables import JobTables
    from lakeloop.spark.connect import ConnectRunner

    settings = settings or Settings.load()
    case = load_case(case_ref)
    lake, database = lake_of(settings), platform_db_of(settings)
    runner = ConnectRunner(settings, session)
    try:
        yield Platform(
            case=case, case_ref=case_ref, lake=lake, tables=JobTables(runner, settings.repository, case_ref),
            spark=runner, registry=MlflowRegistry(settings.mlflow_tracking_uri), lease=database.lease,
            outbox=database.outbox, source=FolderSource(settings.home / "feed"),
            code_version=_code_of(settings), workdir=settings.home / "work",
            links={"airflow": settings.airflow_url},
        )  # fmt: skip
    finally:
        runner.close()
