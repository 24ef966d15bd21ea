"""The keys of one stack root: made once, kept 0600, never in argv or logs."""

from __future__ import annotations

import base64
import secrets
import string
import uuid
from dataclasses import asdict, dataclass, fields

from lakeloop.stack.layout import StackRoot, read_json, write_private_json

_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, repr=False)
class Keys:
    """Everything secret of a stack, and the id that names this installation."""

    installation_id: str
    lakefs_access_key_id: str
    lakefs_secret_access_key: str
    lakefs_encrypt_secret: str
    lakefs_signing_secret: str
    spark_token: str
    airflow_password: str
    airflow_approver_password: str
    airflow_fernet_key: str
    airflow_jwt_secret: str
    airflow_api_secret: str
    mlflow_webhook_key: str
    registry_webhook_secret: str


def keys_of(root: StackRoot) -> Keys:
    """The root's keys; missing ones are made and kept, present ones are never changed."""
    kept = read_json(root.keys_file)
    made = asdict(_new_keys()) | kept
    if made != kept:
        write_private_json(root.keys_file, made)
    return Keys(**{field.name: made[field.name] for field in fields(Keys)})


def keys_given(root: StackRoot) -> Keys:
    """The keys that this root was given, for a part that has no need of the others: those are empty, none is made."""
    kept = read_json(root.keys_file)
    return Keys(**{field.name: kept.get(field.name, "") for field in fields(Keys)})


def _new_keys() -> Keys:
    return Keys(
        installation_id=str(uuid.uuid4()),
        lakefs_access_key_id="AKIA" + _random(16, string.ascii_uppercase + string.digits),  # S3 clients take 20 at most
        lakefs_secret_access_key=_random(40),
        lakefs_encrypt_secret=_random(40),
        lakefs_signing_secret=_random(40),
        spark_token=_random(40),
        airflow_password=_random(20),
        airflow_approver_password=_random(20),
        airflow_fernet_key=_fernet(),
        airflow_jwt_secret=_random(86),
        airflow_api_secret=_random(40),
        mlflow_webhook_key=_fernet(),
        registry_webhook_secret=_random(40),
    )


def _fernet() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _random(length: int, letters: str = _LETTERS) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))
