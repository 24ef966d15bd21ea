"""Sends what is due, once, through Airflow's connection `slack_default`, or to the inbox where there is none."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any, get_args
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.adapters.platform_db.alerts import Alert, PlatformOutbox
from lakeloop.core.notice import Notice, Severity, slack_message
from lakeloop.settings import Settings

CONNECTION = "slack_default"
_TIMEOUT = 5
_LONGEST_PAUSE = 900
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_log = logging.getLogger("lakeloop.alerts")


def main() -> None:
    """Claims what is due and sends it; what could not be sent stays, with the reason, for a later try."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = Settings.load()
    outbox = PlatformDb(settings.platform_db_url).outbox
    alerts = outbox.claim()
    if not alerts:
        return
    try:
        client = slack_client(settings)
    except Exception as error:  # an Airflow database that is down must not lose an alert
        _log.exception("no Slack client")
        _fail(outbox, alerts, f"no Slack connection: {type(error).__name__}")
        return
    send(outbox, client, alerts, settings)


def send(outbox: PlatformOutbox, client: WebClient, alerts: Sequence[Alert], settings: Settings) -> None:
    """Sends alert by alert; after a failure to reach Slack at all, the rest is not tried."""
    for position, alert in enumerate(alerts):
        try:
            client.chat_postMessage(**slack_message(notice_of(alert, settings), str(alert.id)))
        except SlackApiError as error:
            _log.warning("Slack refused alert %d: %s", alert.id, error.response.get("error"))
            outbox.failed(alert, f"Slack said {error.response.get('error')}", pause=_asked_pause(error))
        except Exception as error:  # slack_sdk lets time-outs, resets, HTML and bad headers escape each as its own type
            _log.warning("Slack did not answer: %s %s", type(error).__name__, error)
            _fail(outbox, alerts[position:], f"Slack did not answer: {type(error).__name__}")
            return
        else:
            outbox.sent(alert.id)


def slack_client(settings: Settings) -> WebClient:
    """The client of Airflow's connection; its time-outs are short and its patience is the outbox."""
    # Outside a task Airflow looks connections up in its database only for a process that says it is a server.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"  # noqa: TID251  # Airflow's own switch, read nowhere else
    from airflow.providers.slack.hooks.slack import SlackHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    patience: dict[str, Any] = {"timeout": _TIMEOUT, "retry_handlers": [ConnectionErrorRetryHandler(max_retry_count=1)]}
    try:
        client = SlackHook(slack_conn_id=CONNECTION, **patience).client
    except AirflowNotFoundException:
        client = WebClient(token="loopback-inbox", base_url=f"{settings.alerts_url}/api/", **patience)
    if urlsplit(client.base_url).hostname in _LOOPBACK:
        client.proxy = None  # slack_sdk takes a proxy from the environment and does not know NO_PROXY
    return client


def notice_of(alert: Alert, settings: Settings) -> Notice:
    """The notice that an outbox row holds; places in the lake become pages that can be opened."""
    root = f"lakefs://{settings.repository}/"
    pages = f"{settings.alerts_url}/lake/"
    facts = {name: value.replace(root, pages, 1) if value.startswith(root) else value for name, value in alert.body.items()}
    severity: Any = alert.severity if alert.severity in get_args(Severity) else "warning"
    return Notice(severity=severity, title=alert.title, channel=alert.channel, facts=facts)


def _fail(outbox: PlatformOutbox, alerts: Sequence[Alert], error: str) -> None:
    for alert in alerts:
        outbox.failed(alert, error)


def _asked_pause(error: SlackApiError) -> float | None:
    asked = str((getattr(error.response, "headers", None) or {}).get("Retry-After", ""))
    return min(float(asked), _LONGEST_PAUSE) if asked.isdigit() else None


if __name__ == "__main__":
    main()
