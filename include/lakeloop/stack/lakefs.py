"""The lakeFS server: its configuration, and a server on its own for tests."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from lakeloop.stack.artifacts import lakefs_binary
from lakeloop.stack.keys import Keys, keys_of
from lakeloop.stack.layout import StackRoot, write_private
from lakeloop.stack.ports import LOOPBACK, free_port
from lakeloop.stack.program import Program

_CACHE_BYTES = 256 * 1024 * 1024
_RANGE_ENTRIES = 200  # objects in a range, about: a commit writes each range that it touches anew


def program(root: StackRoot, keys: Keys, port: int) -> Program:
    """Writes the server's configuration (0600) and says how to start it."""
    folder = root.folder("lakefs")
    path = folder / "config.yaml"
    found = configuration(keys, f"{LOOPBACK}:{port}", _local(folder, keys), folder / "cache")
    write_private(path, json.dumps(found, indent=2))  # JSON is YAML
    return Program("lakefs", (str(lakefs_binary()), "--config", str(path), "run"), {"HOME": str(root.home)}, grace=10)


def prove(endpoint: str, access_key_id: str, secret_access_key: str) -> None:
    """Raises unless the server is set up and answers a call that needs the key."""
    with httpx.Client(base_url=f"{endpoint}/api/v1", timeout=5, trust_env=False) as client:
        state = client.get("/setup_lakefs").raise_for_status().json()["state"]
        if state != "initialized":
            msg = f"lakeFS at {endpoint} is {state}, not initialized"
            raise httpx.TransportError(msg)
        client.get("/repositories", auth=(access_key_id, secret_access_key)).raise_for_status()


def set_up(endpoint: str, access_key_id: str, secret_access_key: str) -> None:
    """Gives a server on Postgres its one user; on local storage it takes them from its configuration by itself."""
    key = {"access_key_id": access_key_id, "secret_access_key": secret_access_key}
    with httpx.Client(base_url=f"{endpoint}/api/v1", timeout=30, trust_env=False) as client:
        answer = client.post("/setup_lakefs", json={"username": "admin", "key": key})
    if answer.status_code != httpx.codes.CONFLICT:  # it has one already
        answer.raise_for_status()


@dataclass
class LakefsServer:
    """A running server with its keys; leave the `with` block, or call `stop`, to end it."""

    home: Path
    endpoint: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    _command: list[str] = field(repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Starts the server on its data and waits until it answers; it dies with the thread that called this."""
        root = StackRoot(self.home)
        with root.log("lakefs").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._await()

    @retry(retry=retry_if_exception_type(httpx.HTTPError), wait=wait_fixed(0.05), stop=stop_after_delay(30), reraise=True)
    def _await(self) -> None:
        prove(self.endpoint, self.access_key_id, self.secret_access_key)

    def stop(self) -> None:
        """Ends the server and everything it forked; its data stays."""
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None

    def __enter__(self) -> Self:
        """A server that is up."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Ends it."""
        self.stop()


def start_lakefs(home: Path, port: int | None = None) -> LakefsServer:
    """A lakeFS server of its own on loopback, with keys and data under `home`; up when this returns."""
    root = StackRoot(home.absolute())
    port = port or free_port()
    keys = keys_of(root)
    command = program(root, keys, port).write(root)
    endpoint = f"http://{LOOPBACK}:{port}"
    server = LakefsServer(root.home, endpoint, keys.lakefs_access_key_id, keys.lakefs_secret_access_key, command)
    server.start()
    return server


def configuration(keys: Keys, address: str, stores: Mapping[str, object], cache: Path) -> dict[str, object]:
    """The server's settings wherever it runs; `stores` says where it keeps its metadata and its objects."""
    return {
        "listen_address": address,
        **stores,
        "committed": {
            "local_cache": {"dir": str(cache), "size_bytes": _CACHE_BYTES},
            "permanent": {"range_raggedness_entries": _RANGE_ENTRIES},
        },
        "auth": {"encrypt": {"secret_key": keys.lakefs_encrypt_secret}},
        "installation": {
            "user_name": "admin",
            "access_key_id": keys.lakefs_access_key_id,
            "secret_access_key": keys.lakefs_secret_access_key,
        },
        "stats": {"enabled": False},
        "email_subscription": {"enabled": False},
        "security": {"check_latest_version": False, "audit_check_url": ""},
        "actions": {"enabled": True, "env": {"enabled": False}, "lua": {"net_http_enabled": False}},
        "gateways": {"s3": {"region": "us-east-1"}},
        "ui": {"enabled": False},
        "logging": {"format": "json", "level": "INFO"},
    }


def _local(folder: Path, keys: Keys) -> dict[str, object]:
    return {
        "database": {"type": "local", "local": {"path": str(folder / "metadata")}},
        "blockstore": {
            "type": "local",
            "local": {"path": str(folder / "block")},
            "signing": {"secret_key": keys.lakefs_signing_secret},
        },
    }
