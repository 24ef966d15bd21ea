"""Where everything is and which keys open it: the only file that reads the platform's environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from lakeloop.core.addresses import without_login
from lakeloop.core.errors import ConfigurationError

REPO_ROOT = Path(__file__).resolve().parents[2]
STACK_FILE = "stack.json"
KEYS_FILE = "keys.json"


class Settings(BaseSettings):
    """One frozen answer for a task, a job or a command; load it inside them, never at import."""

    model_config = SettingsConfigDict(
        env_prefix="LAKELOOP_", frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    repo_root: Path = REPO_ROOT
    home: Path = REPO_ROOT / ".lakeloop"
    installation_id: str = ""
    platform_code: str = ""  # digest of the code that a stack was started with; empty: nobody changes it under a running one
    feed: str = ""  # where deliveries arrive: a folder, or s3://bucket/prefix; empty: the stack root's own folder
    feed_endpoint: str = ""  # of an S3 server that is not Amazon's
    feed_access_key_id: str = ""  # empty: what the machine itself is allowed
    feed_secret_access_key: SecretStr = SecretStr("")
    feed_region: str = ""
    repository: str = "lakeloop"
    lakefs_endpoint: str = "http://127.0.0.1:8000"
    lakefs_access_key_id: str = ""
    lakefs_secret_access_key: SecretStr = SecretStr("")
    spark_remote: str = "sc://localhost:15002"
    spark_token: SecretStr = SecretStr("")
    spark_cores: int = Field(default=2, ge=1)  # of the Spark server; the pool `spark` has one slot, and who holds it has them all
    mlflow_tracking_uri: str = "http://127.0.0.1:5000"  # for a client: it can carry a login, see `mlflow_url`
    airflow_url: str = "http://127.0.0.1:8080"
    airflow_username: str = "admin"
    airflow_password: SecretStr = SecretStr("")
    airflow_approver: str = "approver"  # the one user beside the admin: who answers before a promotion
    airflow_approver_password: SecretStr = SecretStr("")
    airflow_database_id: str = ""
    alerts_url: str = "http://127.0.0.1:8085"
    registry_webhook_url: str = ""  # where MLflow tells that an alias moved; empty: the inbox at alerts_url
    registry_webhook_secret: SecretStr = SecretStr("")  # what it signs that with; empty: no webhook, and none is believed
    openlineage: SecretStr = SecretStr("")  # OpenLineage's transport as JSON; empty: a file under the stack root
    platform_db: SecretStr = Field(
        default=SecretStr(""), validation_alias=AliasChoices("LAKELOOP_PLATFORM_DB_URL", "platform_db")
    )
    airflow_db_url: SecretStr = SecretStr("")  # empty: SQLite under the stack root
    mlflow_db_url: SecretStr = SecretStr("")  # empty: SQLite under the stack root
    lake_storage: str = ""  # where lakeFS keeps the repository's objects; empty: its own folder
    listen: str = "127.0.0.1"  # where services bind; all of a container's own addresses there, which nobody else reaches
    lakefs_bin: Path | None = None  # a server binary of the user's own
    cache: Path | None = None  # where built parts are kept, for all checkouts of this user
    expectations: Path | None = None  # the suites' folder, where cases stand outside the repository
    spark_events: Path | None = None  # where Spark writes its event logs, for its history server; none: it writes none
    tied_to: int | None = None  # pid whose death ends the stack; for tests
    any_port: bool = False  # leave the usual ports to others; for tests beside a running stack

    @classmethod
    def load(cls, home: Path | None = None) -> Self:
        """Reads the environment over the stack root's files; `home` names another stack root.

        Raises:
            ConfigurationError: a value does not fit, or a file of the stack root is not whole; nothing was started.
        """
        try:
            return cls() if home is None else cls(home=home.absolute())
        except ValidationError as error:
            # What was given is not repeated: it may be a key.
            wrong = "; ".join(f"{_variable(each['loc'])}: {each['msg']}" for each in error.errors(include_input=False))
            msg = f"a setting does not fit: {wrong} (in the environment or {STACK_FILE}); nothing was done. Next: mend it."
            raise ConfigurationError(msg) from error

    @property
    def platform_db_url(self) -> str:
        """SQLAlchemy's address of leases, outbox and budgets; it can carry a password."""
        return self.platform_db.get_secret_value() or f"sqlite:///{self.home / 'platform.db'}"

    @property
    def spark_connect_url(self) -> str:
        """The Connect address with its token: for a client's builder, never for a log or a spec."""
        return f"{self.spark_remote}/;token={self.spark_token.get_secret_value()}"

    @property
    def mlflow_url(self) -> str:
        """MLflow's address as it is shown: whoever opens it logs in as themselves."""
        return without_login(self.mlflow_tracking_uri)

    @property
    def storage_namespace(self) -> str:
        """Where lakeFS keeps the repository's objects, as it is told once, when the repository is made."""
        return self.lake_storage or f"local://{self.repository}"

    @property
    def expectations_root(self) -> Path:
        """The folder of the suites, one sub-folder a case."""
        return self.expectations or self.repo_root / "expectations"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, which wins over what `up` wrote in the stack root."""
        return init_settings, env_settings, _StackRoot(settings_cls)


class _StackRoot(PydanticBaseSettingsSource):
    """What `lakeloop up` decided: addresses in one file, keys (0600) in another."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Unused: this source answers as a whole."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Reads both files of the stack root that the stronger sources chose; none is no error."""
        home = Path(self.current_state.get("home") or REPO_ROOT / ".lakeloop")
        found: dict[str, Any] = {}
        for name in (STACK_FILE, KEYS_FILE):
            if (home / name).is_file():
                found |= _whole(home / name)
        return {name: value for name, value in found.items() if name in self.settings_cls.model_fields}


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "settings"
    return name if name.startswith("LAKELOOP_") else f"LAKELOOP_{name.upper()}"


def _whole(path: Path) -> dict[str, Any]:
    mended = {
        STACK_FILE: "delete it and run `lakeloop up`, which writes it anew",
        KEYS_FILE: "put the file of your last `lakeloop backup` in its place; new keys would not open the old lake",
    }
    try:
        return {**json.loads(path.read_text("utf-8"))}  # a TypeError unless it is an object
    except (OSError, ValueError, TypeError) as error:
        msg = f"{path} cannot be read as JSON ({error}); nothing was done. Next: {mended[path.name]}."
        raise ConfigurationError(msg) from error
