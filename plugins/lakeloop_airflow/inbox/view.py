"""From a Slack message to what the page shows of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from markupsafe import Markup

from lakeloop.core.notice import COLOURS
from lakeloop_airflow.inbox.mrkdwn import to_html
from lakeloop_airflow.inbox.store import Message


class Part(NamedTuple):
    """One block of a message: `kind` is text, fields or links, and decides how it looks."""

    kind: str
    words: list[Markup]


class Card(NamedTuple):
    """One message as the page shows it."""

    severity: str
    title: Markup
    channel: str
    when: str
    day: str
    times: int
    parts: list[Part]


def card(message: Message) -> Card:
    """A message from any Slack client; those of the platform carry their severity with them."""
    body, when = message.body, datetime.fromtimestamp(message.at, UTC)
    payload = (body.get("metadata") or {}).get("event_payload") or {}
    severity = payload.get("severity") if payload.get("severity") in COLOURS else "info"
    title = str(body.get("text") or "(no text)").removeprefix(f"*{severity}*: ")
    attachments = [one for one in body.get("attachments") or [] if isinstance(one, dict)]
    blocks = [*(body.get("blocks") or []), *(block for one in attachments for block in one.get("blocks") or [])]
    parts = [part for block in blocks if isinstance(block, dict) for part in _parts(block)]
    parts += [Part("text", [to_html(str(one["text"]))]) for one in attachments if one.get("text")]
    return Card(str(severity), to_html(title), message.channel, f"{when:%H:%M:%S}", f"{when:%A, %d %B %Y}", message.times, parts)


def _parts(block: dict[str, Any]) -> list[Part]:
    found = []
    if isinstance(block.get("text"), dict):
        found.append(Part("text", [_words(block["text"])]))
    if isinstance(block.get("fields"), list):
        found.append(Part("fields", [_words(field) for field in block["fields"]]))
    if isinstance(block.get("elements"), list):
        found.append(Part("links", [_words(element) for element in block["elements"]]))
    return found


def _words(text: Any) -> Markup:
    words = str(text.get("text", "")) if isinstance(text, dict) else str(text)
    return to_html(words)
