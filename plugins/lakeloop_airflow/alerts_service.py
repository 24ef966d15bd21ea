"""The alerts process: the inbox that stands in for Slack and hears MLflow's webhook, and the dispatcher of the outbox.

It imports neither Airflow nor MLflow: only short-lived children do, the one that sends, since it asks Airflow for the Slack
connection, and the one that puts aliases right.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import uvicorn

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.adapters.platform_db.alerts import PlatformOutbox
from lakeloop.core.errors import DatabaseFailed
from lakeloop.settings import Settings
from lakeloop.wiring import case_names, lake_of
from lakeloop_airflow.alias_keeper import AliasKeeper
from lakeloop_airflow.inbox.app import Waiting, inbox_app
from lakeloop_airflow.inbox.lake_pages import LakePages
from lakeloop_airflow.inbox.registry_events import RegistryEvents
from lakeloop_airflow.inbox.store import MessageStore

SENDER = ("-m", "lakeloop_airflow.send_alerts")
_log = logging.getLogger("lakeloop.alerts")
_POLL_SECONDS = 2
_SEND_SECONDS = 120  # a sender that takes longer hangs; its claims run out and the next one tries again


class Dispatcher:
    """Starts a sender whenever something is due; one at a time, and none while nothing is."""

    def __init__(self, outbox: PlatformOutbox, poll_seconds: float = _POLL_SECONDS) -> None:
        self._outbox = outbox
        self._poll = poll_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the look-out, and a sender that is under way."""
        self._stop.set()
        self._thread.join(timeout=10)

    def waiting(self) -> Waiting:
        """What nobody has received yet, for the page; an unreadable outbox says so there."""
        try:
            unsent = [alert for alert in self._outbox.all() if alert.sent_at is None]
        except DatabaseFailed as error:
            return Waiting(1, f"The outbox cannot be read: {error}")
        errors = [f"Last error: {alert.last_error}." for alert in unsent if alert.last_error]
        return Waiting(len(unsent), errors[0] if errors else "")

    def _work(self) -> None:
        while not self._stop.wait(self._poll):
            try:
                if self._outbox.due():
                    self._send()
            except (DatabaseFailed, OSError) as error:
                _log.warning("the outbox cannot be looked at: %s", error)

    def _send(self) -> None:
        sender = subprocess.Popen([sys.executable, *SENDER], stdin=subprocess.DEVNULL)
        waited = 0.0
        while sender.poll() is None:
            if self._stop.wait(0.2) or (waited := waited + 0.2) > _SEND_SECONDS:
                sender.kill()
                sender.wait()


def main() -> None:
    """Serves until it is told to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = Settings.load()
    dispatcher = Dispatcher(PlatformDb(settings.platform_db_url).outbox)
    keeper = AliasKeeper()
    registry = RegistryEvents(settings.registry_webhook_secret.get_secret_value(), case_names, keeper.ask)
    store = MessageStore(settings.home / "alerts" / "inbox.db")
    address = urlsplit(settings.alerts_url)
    app = inbox_app(store, dispatcher, LakePages(lambda: lake_of(settings)), registry)
    dispatcher.start()
    keeper.start()
    try:
        uvicorn.run(app, host=settings.listen, port=address.port or 80, log_level="warning", access_log=False)
    finally:
        keeper.stop()
        dispatcher.stop()


if __name__ == "__main__":
    main()
