"""The way of an alert from the outbox to Slack: the real process, and servers that are dead, hang or refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
import pytest
from slack_sdk import WebClient
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.adapters.platform_db.alerts import Alert, PlatformOutbox
from lakeloop.settings import Settings
from lakeloop.stack.ports import free_port
from lakeloop_airflow import send_alerts

Sender = Callable[[str], None]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def outbox(home: Path) -> PlatformOutbox:
    return PlatformDb(f"sqlite:///{home / 'platform.db'}").outbox


@pytest.fixture
def send(outbox: PlatformOutbox, monkeypatch: pytest.MonkeyPatch) -> Sender:
    """Sends what is due to an address, without the start of a process and of Airflow."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    settings = Settings(alerts_url="http://127.0.0.1:9")

    def run(address: str) -> None:
        client = WebClient(token="xoxb-secret", base_url=f"{address}/api/", timeout=1, retry_handlers=[])
        send_alerts.send(outbox, client, outbox.claim(), settings)

    return run


def _env(home: Path, slack: str, alerts: str = "http://127.0.0.1:9") -> dict[str, str]:
    connection = {"conn_type": "slack", "password": "xoxb-secret", "extra": {"base_url": f"{slack}/api/"}}
    return {
        **os.environ,
        "LAKELOOP_HOME": str(home),
        "LAKELOOP_ALERTS_URL": alerts,
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW_CONN_SLACK_DEFAULT": json.dumps(connection),
        "HTTP_PROXY": "http://127.0.0.1:9",  # a company's proxy must not stand between us and loopback
        "NO_PROXY": "127.0.0.1,localhost",  # as the stack sets it for each of its programs
        "PYTHONPATH": os.pathsep.join(["include", "plugins"]),
    }


def _enqueue(outbox: PlatformOutbox, key: str = "k", channel: str = "#x") -> None:
    body = {"cause": "3 of 41 failed", "evidence": "lakefs://lakeloop/abc/_lakeloop/evidence/k/", "next": "lakeloop verify"}
    outbox.enqueue(key=key, severity="warning", title=f"title of {key}", body=body, channel=channel)


def _only(outbox: PlatformOutbox) -> Alert:
    (alert,) = outbox.all()
    return alert


class SlackServer(ThreadingHTTPServer):
    """A server that answers every call as it is told, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self, status: int, body: str, headers: dict[str, str], hang: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = (status, body, headers)
        self.asked: list[bytes] = []
        self.released = threading.Event()
        self.hang = hang

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: SlackServer

    def do_POST(self) -> None:
        self.server.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.hang:
            self.server.released.wait(60)
            return
        status, body, headers = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def slack() -> Iterator[Callable[..., SlackServer]]:
    servers: list[SlackServer] = []

    def start(status: int = 200, body: str = '{"ok": true}', hang: bool = False, **headers: str) -> SlackServer:
        server = SlackServer(status, body, {name.replace("_", "-"): value for name, value in headers.items()}, hang)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.released.set()
        server.shutdown()
        server.server_close()


def test_the_sender_asks_airflow_for_its_connection(
    home: Path, outbox: PlatformOutbox, slack: Callable[..., SlackServer]
) -> None:
    server = slack()
    _enqueue(outbox)
    env = _env(home, server.address)
    subprocess.run([sys.executable, "-m", "lakeloop_airflow.send_alerts"], env=env, check=True, timeout=90)
    message = json.loads(server.asked[0])
    assert message["metadata"]["event_payload"] == {"alert_id": str(_only(outbox).id), "severity": "warning"}
    assert "http://127.0.0.1:9/lake/abc/_lakeloop/evidence/k/" in json.dumps(message), "a place in the lake is a page"
    assert _only(outbox).sent_at is not None


@pytest.mark.parametrize(
    ("status", "body", "headers", "error"),
    [
        (429, '{"ok": false, "error": "ratelimited"}', {"Retry_After": "30"}, "ratelimited"),
        (429, "slow down", {"Retry_After": "soon"}, ""),
        (500, "<html>oops</html>", {}, ""),
        (200, '{"ok": false, "error": "channel_not_found"}', {}, "channel_not_found"),
        (200, "<html>a proxy's page</html>", {}, ""),
    ],
)
def test_a_refusal_keeps_the_alert_with_its_reason(
    send: Sender,
    outbox: PlatformOutbox,
    slack: Callable[..., SlackServer],
    status: int,
    body: str,
    headers: dict[str, str],
    error: str,
) -> None:
    _enqueue(outbox)
    send(slack(status, body, **headers).address)
    alert = _only(outbox)
    assert alert.sent_at is None
    assert alert.last_error
    assert error in alert.last_error
    assert outbox.due() == 0, "it is not tried again at once"


def test_one_bad_channel_does_not_keep_the_other_alerts(
    send: Sender, outbox: PlatformOutbox, slack: Callable[..., SlackServer]
) -> None:
    server = slack(200, '{"ok": false, "error": "channel_not_found"}')
    _enqueue(outbox, "first")
    _enqueue(outbox, "second")
    send(server.address)
    assert len(server.asked) == 2


def test_a_server_that_hangs_is_asked_once_for_all_that_waits(
    send: Sender, outbox: PlatformOutbox, slack: Callable[..., SlackServer]
) -> None:
    server = slack(hang=True)
    for key in ("first", "second", "third"):
        _enqueue(outbox, key)
    send(server.address)
    assert len(server.asked) == 1
    assert [alert.last_error for alert in outbox.all()] == ["Slack did not answer: TimeoutError"] * 3


def test_a_dead_server_keeps_every_alert(send: Sender, outbox: PlatformOutbox) -> None:
    _enqueue(outbox)
    send("http://127.0.0.1:9")
    assert "did not answer" in (_only(outbox).last_error or "")


def test_no_secret_is_kept_with_the_error(send: Sender, outbox: PlatformOutbox) -> None:
    _enqueue(outbox)
    send("http://127.0.0.1:9")
    assert "xoxb" not in (_only(outbox).last_error or "")


class Service(NamedTuple):
    address: str
    pid: int


@pytest.fixture
def service(home: Path, outbox: PlatformOutbox) -> Iterator[Service]:
    """The real alerts process, its inbox standing in for Slack."""
    address = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen([sys.executable, "-m", "lakeloop_airflow.alerts_service"], env=_env(home, address, address))
    try:
        _answers(address, process)
        yield Service(address, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


@retry(retry=retry_if_exception_type(httpx.TransportError), wait=wait_fixed(0.1), stop=stop_after_delay(30), reraise=True)
def _answers(address: str, process: subprocess.Popen[bytes]) -> None:
    assert process.poll() is None
    httpx.get(address, timeout=5, trust_env=False).raise_for_status()


@retry(retry=retry_if_exception_type(AssertionError), wait=wait_fixed(0.1), stop=stop_after_delay(60), reraise=True)
def _is_sent(outbox: PlatformOutbox) -> None:
    assert _only(outbox).sent_at is not None


def test_the_real_process_brings_an_alert_to_the_page_and_listens_on_loopback_only(
    service: Service, outbox: PlatformOutbox
) -> None:
    listening = {one.laddr.ip for one in psutil.Process(service.pid).net_connections("inet") if one.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
    _enqueue(outbox)
    _is_sent(outbox)
    page = httpx.get(service.address, timeout=5, trust_env=False).text
    assert "title of k" in page
    assert "waits to be sent" not in page


def test_the_service_starts_without_airflow() -> None:
    heavy = "[m for m in ('airflow', 'slack_sdk', 'lakefs_sdk') if m in sys.modules]"
    code = f"import sys, lakeloop_airflow.alerts_service; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
