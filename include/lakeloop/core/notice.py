"""The words of an alert, before any channel sends them, and their form as a Slack message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from lakeloop.core.value import Value

Severity = Literal["info", "warning", "critical"]
COLOURS: dict[str, str] = {"info": "#3b7dd8", "warning": "#d99000", "critical": "#c62839"}
EVENT = "lakeloop_alert"
CAUSE, NEXT = "cause", "next"

_COMMANDS = ("lakeloop ", "make ", "airflow ")  # a next move that begins so is shown as something to type
_SECTION_LIMIT = 2900  # Slack refuses a section of more than 3000 characters
_FIELD_LIMIT, _FIELDS = 500, 10
_TITLE_LIMIT = 300


class Notice(Value):
    """One message to people: `facts` holds `cause`, `next` and anything else by its label; addresses become links."""

    severity: Severity
    title: str
    channel: str
    facts: dict[str, str] = {}

    @property
    def links(self) -> dict[str, str]:
        """The facts that are addresses, by label."""
        return {label: value for label, value in self.facts.items() if _is_address(value)}

    @property
    def details(self) -> dict[str, str]:
        """The facts that are neither cause, next move nor link."""
        return {
            label: value for label, value in self.facts.items() if value and label not in {CAUSE, NEXT} and not _is_address(value)
        }


def slack_message(notice: Notice, alert_id: str) -> dict[str, Any]:
    """The arguments of chat.postMessage; `alert_id` lets a reader see that two messages are one alert sent twice."""
    title = escape(_cut(notice.title, _TITLE_LIMIT))
    blocks: list[dict[str, Any]] = []
    if CAUSE in notice.facts:
        blocks.append(_section(escape(_cut(notice.facts[CAUSE], _SECTION_LIMIT))))
    if notice.details:
        blocks.append({"type": "section", "fields": _fields(notice.details)})
    if NEXT in notice.facts:
        blocks.append(_section(f"*Next*\n{_move(_cut(notice.facts[NEXT], _SECTION_LIMIT))}"))
    if notice.links:
        links = " · ".join(_link(label, address) for label, address in notice.links.items())
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": links}]})
    return {
        "channel": notice.channel,
        "text": f"*{notice.severity}*: {title}",
        "attachments": [{"color": COLOURS[notice.severity], "fallback": title, "blocks": blocks}] if blocks else [],
        "metadata": {"event_type": EVENT, "event_payload": {"alert_id": alert_id, "severity": notice.severity}},
        "unfurl_links": False,
    }


def escape(words: str) -> str:
    """Slack's own escape: nothing in a cause or a file name can call a channel, or become a link."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def run_failed(
    *, dag: str, run: str, causes: Sequence[tuple[str, str]], links: Mapping[str, str], reason: str, owner: str, channel: str
) -> Notice:
    """A run that Airflow ended as failed: which task with which last words, and what can be done."""
    tasks = ", ".join(dict.fromkeys(task for task, _ in causes))
    told = "\n".join(f"{task}: {words or 'ended without a word, as a killed process does'}" for task, words in causes)
    again = f"read the log of {tasks or 'the failed task'} on the run page, then press Clear there: every step may be run again"
    facts = {CAUSE: told or reason or "Airflow gave no reason", "run": run, "owner": owner, NEXT: again, **links}
    return Notice(severity="critical", title=f"{dag} failed" + (f" at {tasks}" if tasks else ""), channel=channel, facts=facts)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _fields(details: Mapping[str, str]) -> list[dict[str, str]]:
    shown = list(details.items())[:_FIELDS]
    return [{"type": "mrkdwn", "text": f"*{escape(label)}*\n{escape(_cut(value, _FIELD_LIMIT))}"} for label, value in shown]


def _move(words: str) -> str:
    if not words.startswith(_COMMANDS):
        return escape(words)
    return f"`{escape(words.replace('`', chr(39)))}`"


def _link(label: str, address: str) -> str:
    return f"<{escape(quote(address, safe=':/?#[]@!$&()*+,;=%~'))}|{escape(label)}>"


def _is_address(value: str) -> bool:
    return value.startswith(("http://", "https://")) and not any(letter.isspace() for letter in value)


def _cut(words: str, limit: int) -> str:
    return words if len(words) <= limit else words[: limit - 1] + "…"
