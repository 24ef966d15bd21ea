"""The inbox as a web application: two methods of Slack's API, the page, and the address of MLflow's webhook."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from lakeloop.core.notice import COLOURS
from lakeloop_airflow.inbox.lake_pages import LakePages
from lakeloop_airflow.inbox.registry_events import RegistryEvents
from lakeloop_airflow.inbox.store import MessageStore
from lakeloop_airflow.inbox.view import card

_LARGEST = 256 * 1024
_PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Waiting(NamedTuple):
    """How many alerts were not yet received by anybody, and why."""

    alerts: int
    last_error: str


class Outbox(Protocol):
    """What the page asks of the platform's outbox."""

    def waiting(self) -> Waiting:
        """The state of alerts not yet sent."""


def inbox_app(store: MessageStore, outbox: Outbox, lake: LakePages, registry: RegistryEvents) -> Starlette:
    """The application; it answers as slack_sdk expects, errors included."""
    inbox = _Inbox(store, outbox, lake)
    return Starlette(
        routes=[
            Route("/api/chat.postMessage", inbox.post_message, methods=["POST"]),
            Route("/api/auth.test", inbox.auth_test, methods=["POST"]),
            Route("/api/{method:path}", inbox.unknown, methods=["GET", "POST"]),
            Route("/registry", registry.receive, methods=["POST"]),
            Route("/lake/{ref}/{path:path}", inbox.of_lake, methods=["GET"]),
            Route("/", inbox.page, methods=["GET"]),
        ]
    )


class _Inbox:
    """What each address answers."""

    def __init__(self, store: MessageStore, outbox: Outbox, lake: LakePages) -> None:
        self._store, self._outbox, self._lake = store, outbox, lake

    async def post_message(self, request: Request) -> Response:
        body = await _body(request)
        wrong = _wrong_with(request, body)
        if body is None or wrong:
            return JSONResponse({"ok": False, "error": wrong})
        channel = str(body["channel"])
        ts = self._store.keep(channel, body)
        return JSONResponse({"ok": True, "channel": channel, "ts": ts, "message": {"text": body.get("text", ""), "ts": ts}})

    async def auth_test(self, request: Request) -> Response:
        if not _token(request, await _body(request)):
            return JSONResponse({"ok": False, "error": "not_authed"})
        who = {"ok": True, "url": str(request.base_url), "team": "lakeloop", "user": "lakeloop", "team_id": "T0", "user_id": "U0"}
        return JSONResponse(who)

    async def unknown(self, _request: Request) -> Response:
        return JSONResponse({"ok": False, "error": "unknown_method"})

    def page(self, _request: Request) -> Response:
        return HTMLResponse(_rendered(self._store, self._outbox.waiting()), headers=_HEADERS)

    def of_lake(self, request: Request) -> Response:
        return self._lake.answer(request.path_params["ref"], request.path_params["path"])


def _rendered(store: MessageStore, waiting: Waiting) -> str:
    cards = [card(message) for message in store.newest()]
    counts = {severity: sum(one.severity == severity for one in cards) for severity in reversed(COLOURS)}
    days = [(day, list(group)) for day, group in groupby(cards, key=lambda one: one.day)]
    return _PAGES.get_template("page.html").render(
        days=days, counts=counts, waiting=waiting.alerts, last_error=waiting.last_error
    )


async def _body(request: Request) -> dict[str, Any] | None:
    raw = await request.body()
    if len(raw) > _LARGEST:
        return None
    if "json" not in request.headers.get("content-type", ""):
        return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _token(request: Request, body: dict[str, Any] | None) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ").strip() or str((body or {}).get("token") or "")


def _wrong_with(request: Request, body: dict[str, Any] | None) -> str:
    if body is None:
        return "msg_too_long"
    if not _token(request, body):
        return "not_authed"
    if not body.get("channel"):
        return "channel_not_found"
    return "" if body.get("text") or body.get("blocks") or body.get("attachments") else "no_text"
