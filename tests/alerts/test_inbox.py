"""The inbox: it answers as Slack does, and shows what it was told without being told what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from lakeloop.core.errors import NotFound, Unavailable
from lakeloop.core.notice import Notice, slack_message
from lakeloop.ports import Change, Commit
from lakeloop_airflow.inbox.app import Waiting, inbox_app
from lakeloop_airflow.inbox.lake_pages import LakePages
from lakeloop_airflow.inbox.mrkdwn import to_html
from lakeloop_airflow.inbox.registry_events import RegistryEvents
from lakeloop_airflow.inbox.store import MessageStore

AUTH = {"Authorization": "Bearer x"}


class Outbox:
    def __init__(self) -> None:
        self.state = Waiting(0, "")

    def waiting(self) -> Waiting:
        return self.state


class Lake:
    """As much of a lake as the pages ask for."""

    down = False

    def head(self, branch: str) -> str:
        return "0" * 64

    def commit_of(self, ref: str) -> Any:
        if self.down:
            raise Unavailable
        if ref == "gone":
            raise NotFound(ref)
        return Commit("1" * 64, (), {}, "", None)  # type: ignore[arg-type]

    def diff(self, left: str, right: str, prefix: str = "") -> Iterator[Change]:
        yield Change("clean/flights/weather/<b>.parquet", "added")

    def list(self, ref: str, prefix: str) -> Iterator[str]:
        if ref != "gone":
            yield f"{prefix}audit.html"

    def get(self, ref: str, path: str) -> bytes:
        if ref == "gone" or "missing" in path:
            raise NotFound(ref)
        return b"<script>alert(1)</script>" if path.endswith(".html") else b'{"kind":"data"}'


class Client:
    """Asks the application without a server."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def get(self, path: str) -> httpx.Response:
        return self._ask("GET", path)

    def post(self, path: str, **sent: Any) -> httpx.Response:
        return self._ask("POST", path, **sent)

    def _ask(self, method: str, path: str, **sent: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://inbox") as client:
                return await client.request(method, path, **sent)

        return asyncio.run(ask())


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def lake() -> Lake:
    return Lake()


@pytest.fixture
def client(tmp_path: Path, outbox: Outbox, lake: Lake) -> Client:
    pages, registry = LakePages(lambda: lake), RegistryEvents("", list, print)  # type: ignore[arg-type,return-value]
    return Client(inbox_app(MessageStore(tmp_path / "inbox.db"), outbox, pages, registry))


def _post(client: Client, message: dict[str, Any]) -> dict[str, Any]:
    return dict(client.post("/api/chat.postMessage", json=message, headers=AUTH).json())


def _alert(title: str = "weather is late", alert_id: str = "7", **facts: str) -> dict[str, Any]:
    return slack_message(Notice(severity="critical", title=title, channel="#x", facts=facts), alert_id)


def test_a_message_gets_a_name_larger_than_the_one_before(client: Client) -> None:
    names = [float(_post(client, _alert(alert_id=str(number)))["ts"]) for number in range(20)]
    assert names == sorted(set(names))


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        ({"channel": "#x", "text": "t"}, {}, "not_authed"),
        ({"text": "t"}, AUTH, "channel_not_found"),
        ({"channel": "#x"}, AUTH, "no_text"),
        ({"channel": "#x", "text": "t" * 300_000}, AUTH, "msg_too_long"),
    ],
)
def test_wrong_messages_are_refused_in_slacks_words(
    client: Client, body: dict[str, str], headers: dict[str, str], error: str
) -> None:
    assert client.post("/api/chat.postMessage", json=body, headers=headers).json() == {"ok": False, "error": error}


def test_a_form_is_read_as_well_as_json(client: Client) -> None:
    assert client.post("/api/chat.postMessage", data={"channel": "#x", "text": "t", "token": "y"}).json()["ok"] is True


def test_bytes_that_are_no_json_are_refused(client: Client) -> None:
    headers = AUTH | {"Content-Type": "application/json"}
    assert client.post("/api/chat.postMessage", content=b"{not json", headers=headers).json()["ok"] is False


def test_a_client_can_test_its_token(client: Client) -> None:
    assert client.post("/api/auth.test", headers=AUTH).json()["ok"] is True
    assert client.post("/api/auth.test").json()["error"] == "not_authed"


def test_other_methods_of_slack_are_unknown(client: Client) -> None:
    assert client.post("/api/files.upload", headers=AUTH).json()["error"] == "unknown_method"


def test_the_page_shows_cause_next_move_and_links(client: Client) -> None:
    _post(client, _alert(cause="3 of 41 failed", next="lakeloop verify", run="http://127.0.0.1:8080/dags/x"))
    page = client.get("/").text
    for part in ("weather is late", "3 of 41 failed", "<code>lakeloop verify</code>", 'href="http://127.0.0.1:8080/dags/x"'):
        assert part in page
    assert 'class="critical"' in page


def test_the_page_asks_nothing_of_the_network_and_runs_nothing(client: Client) -> None:
    answer = client.get("/")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text
    assert " src=" not in answer.text
    assert "@import" not in answer.text


def test_an_alert_that_came_twice_is_one_card(client: Client) -> None:
    _post(client, _alert())
    _post(client, _alert())
    _post(client, _alert("another", alert_id="8"))
    page = client.get("/").text
    assert page.count("<article") == 2
    assert "came 2 times" in page


def test_evil_words_stay_words(client: Client) -> None:
    _post(client, {"channel": "#x", "text": "<script>alert(1)</script> <javascript:alert(1)|click> <!channel>"})
    page = client.get("/").text
    assert "<script" not in page
    assert "javascript:alert(1)|click" in page
    assert 'href="javascript' not in page


def test_blocks_of_strange_shape_do_not_break_the_page(client: Client) -> None:
    _post(client, {"channel": "#x", "text": "t", "blocks": [1, {"type": "divider"}, {"elements": ["plain"]}], "metadata": None})
    assert client.get("/").status_code == 200


def test_waiting_alerts_are_named_with_their_error(client: Client, outbox: Outbox) -> None:
    outbox.state = Waiting(2, "Last error: Slack did not answer: TimeoutError.")
    page = client.get("/").text
    assert "2 alerts wait to be sent" in page
    assert "TimeoutError" in page


def test_a_branch_page_lists_what_it_changes(client: Client) -> None:
    page = client.get("/lake/run-flights-ingest-x-t1-abc/").text
    assert "added clean/flights/weather/&lt;b&gt;.parquet" in page


def test_evidence_is_shown_and_can_do_nothing(client: Client) -> None:
    answer = client.get("/lake/abc/_lakeloop/evidence/key/audit.html")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
    assert 'href="audit.html"' in client.get("/lake/abc/_lakeloop/evidence/key/").text


def test_a_receipt_is_shown_as_text(client: Client) -> None:
    answer = client.get("/lake/abc/_lakeloop/receipts/key.json")
    assert answer.text == '{\n  "kind": "data"\n}'


@pytest.mark.parametrize("path", ["clean/flights/weather/part-0.parquet", "_lakeloop/%2E%2E/clean/x", "landing/x"])
def test_rows_and_bytes_of_the_lake_are_not_shown(client: Client, path: str) -> None:
    assert client.get(f"/lake/main/{path}").status_code == 403


def test_a_dropped_branch_says_why_it_is_gone(client: Client) -> None:
    answer = client.get("/lake/gone/")
    assert answer.status_code == 404
    assert "dropped once its work is published" in answer.text


@pytest.mark.parametrize("path", ["_lakeloop/receipts/key.json", "_lakeloop/evidence/key/"])
def test_what_a_dropped_branch_kept_of_its_run_is_shown_from_main(client: Client, path: str) -> None:
    assert client.get(f"/lake/gone/{path}").status_code == 200


def test_what_is_nowhere_is_not_found(client: Client) -> None:
    assert client.get("/lake/gone/_lakeloop/receipts/missing.json").status_code == 404


def test_evidence_that_a_retention_took_is_a_sentence(client: Client) -> None:
    answer = client.get("/lake/main/_lakeloop/evidence/missing/audit.html")
    assert answer.status_code == 404
    assert "past its time and went with a retention" in answer.text


def test_a_lake_that_is_down_is_said_so(client: Client, lake: Lake) -> None:
    lake.down = True
    assert client.get("/lake/main/").status_code == 502


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("*bold* and `code`", "<strong>bold</strong> and <code>code</code>"),
        ("<http://a.example/?x=1&amp;y=2|here>", '<a href="http://a.example/?x=1&amp;y=2" rel="noreferrer">here</a>'),
        ('<http://a.example/"onclick=x|here>', '<a href="http://a.example/&#34;onclick=x" rel="noreferrer">here</a>'),
        ("```two\nlines```", "<pre>two\nlines</pre>"),
        ("&lt;!channel&gt; <b>", "&lt;!channel&gt; &lt;b&gt;"),
        ("2 * 3 * 4", "2 <strong> 3 </strong> 4"),
    ],
)
def test_slacks_format_becomes_html(words: str, shown: str) -> None:
    assert str(to_html(words)) == shown
