"""What containers of the stack share: each one's secrets as a file of its own, made once from the keys of a stack root."""

from __future__ import annotations

import json
import os
import secrets
import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lakeloop.stack import lakefs
from lakeloop.stack.keys import Keys, keys_of
from lakeloop.stack.layout import StackRoot, read_json, write_private, write_private_json
from lakeloop.stack.ports import LOOPBACK, WISHED

ANYWHERE = "0.0.0.0"  # all addresses of one container; the compose file publishes on loopback only
DATABASES = ("airflow", "lakefs", "mlflow", "platform")
S3_ENDPOINT = "http://s3:7070"
BUCKET = "lakeloop"
LAKEFS_CACHE = Path("/tmp/cache")
_OF_ONE_SERVER = ("lakefs_encrypt_secret", "lakefs_signing_secret", "mlflow_webhook_key")
_SPARK = ("lakefs_access_key_id", "lakefs_secret_access_key", "spark_token")
_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, repr=False)
class ServiceKeys:
    """The keys that only services among each other need: one of each database, and S3's."""

    postgres: str
    airflow: str
    lakefs: str
    mlflow: str
    platform: str
    s3_access_key: str
    s3_secret_key: str

    def database(self, name: str, driver: str = "postgresql+psycopg2") -> str:
        """The address of one database, its password in it."""
        return f"{driver}://{name}:{getattr(self, name)}@postgres:5432/{name}"


def write_secrets(home: Path, owner: tuple[int, int]) -> list[Path]:
    """Keys made once, kept, and laid out one file a need (0600), owned by the user that the containers run as."""
    root = StackRoot(StackRoot(home.absolute()).folder("compose"))
    keys = keys_of(root)
    services = _service_keys(root)
    folder = root.folder("secrets")
    files = contents(keys, services)
    for name, text in files.items():
        write_private(folder / name, text)
    write_private_json(root.stack_file, _for_clients())
    root.folder("feed")
    if os.geteuid() == 0:
        for path in (root.home, *root.home.rglob("*")):
            os.chown(path, *owner)
    return [folder / name for name in files]


def contents(keys: Keys, services: ServiceKeys) -> dict[str, str]:
    """Each secret of the compose file, by its name there."""
    platform = {"platform_db": services.database("platform")}
    shared = {name: value for name, value in asdict(keys).items() if name not in _OF_ONE_SERVER}
    airflow = shared | platform | {"airflow_db_url": services.database("airflow")}
    spark = {name: shared[name] for name in _SPARK} | platform
    return {
        "airflow.json": _json(airflow),
        "spark.json": _json(spark),
        "mlflow.json": _json({"mlflow_db_url": services.database("mlflow"), "mlflow_webhook_key": keys.mlflow_webhook_key}),
        "lakefs.yaml": _json(lakefs.configuration(keys, f"{ANYWHERE}:{WISHED['lakefs']}", _stores(keys, services), LAKEFS_CACHE)),
        "roles.sql": "".join(_role(name, getattr(services, name)) for name in DATABASES),
        "postgres-password": services.postgres,
        "s3-access-key": services.s3_access_key,
        "s3-secret-key": services.s3_secret_key,
    }


def _stores(keys: Keys, services: ServiceKeys) -> dict[str, object]:
    address = services.database("lakefs", "postgres") + "?sslmode=disable"
    s3 = {
        "endpoint": S3_ENDPOINT,
        "region": "us-east-1",
        "force_path_style": True,
        "discover_bucket_region": False,
        "credentials": {"access_key_id": services.s3_access_key, "secret_access_key": services.s3_secret_key},
    }
    return {
        "database": {"type": "postgres", "postgres": {"connection_string": address}},
        "blockstore": {"type": "s3", "s3": s3, "signing": {"secret_key": keys.lakefs_signing_secret}},
    }


def _service_keys(root: StackRoot) -> ServiceKeys:
    path = root.home / "services.json"
    kept = read_json(path)
    made = {name: _random() for name in ("postgres", *DATABASES, "s3_access_key", "s3_secret_key")} | kept
    if made != kept:
        write_private_json(path, made)
    return ServiceKeys(**made)


def _for_clients() -> dict[str, str]:
    """Where a client on this machine reaches what the compose file publishes, under the names that Settings reads."""
    web = {name: f"http://{LOOPBACK}:{port}" for name, port in WISHED.items()}
    return {
        "lakefs_endpoint": web["lakefs"],
        "mlflow_tracking_uri": web["mlflow"],
        "airflow_url": web["airflow"],
        "alerts_url": web["alerts"],
    }


def _role(name: str, password: str) -> str:
    return f"CREATE ROLE {name} LOGIN PASSWORD '{password}';\nCREATE DATABASE {name} OWNER {name};\n"


def _json(content: Mapping[str, object]) -> str:
    return json.dumps(content, indent=2) + "\n"


def _random() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(32))
