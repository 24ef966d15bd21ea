"""The name of a try's Spark session, and the note of its beginning, its end and its last words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk import Context
from pydantic import SecretStr

from lakeloop.adapters.platform_db.sessions import PlatformSessions
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings


def session_key(context: Context, settings: Settings) -> SessionKey:
    """The key of this try: the same for whoever looks for its session later, different for the next try."""
    ti = context["ti"]
    return SessionKey(
        installation=settings.installation_id,
        database=settings.airflow_database_id,
        dag=ti.dag_id,
        run=ti.run_id,
        task=ti.task_id,
        map_index=-1 if ti.map_index is None else ti.map_index,
        attempt=ti.try_number,
    )


@contextmanager
def noted(sessions: PlatformSessions, key: SessionKey, settings: Settings) -> Iterator[None]:
    """Notes a try: what is still open when it is over was killed, what failed leaves its last words for the alert."""
    sessions.opened(key)
    try:
        yield
    except BaseException as error:
        sessions.ended(key.id, without_secrets(f"{type(error).__name__}: {error}", settings))
        raise
    sessions.ended(key.id)


def without_secrets(words: str, settings: Settings) -> str:
    """Words in which no key of the platform stands, whatever library wrote them."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr) and value.get_secret_value():
            words = words.replace(value.get_secret_value(), "***")
    return words
