"""A proxy before a real server that loses one answer: the server did what was asked, and the client never hears of it."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

from lakeloop.stack.ports import LOOPBACK

_OF_A_HOP = {"connection", "transfer-encoding", "keep-alive"}


class LosingProxy:
    """Passes HTTP on; `lose` names the call whose next answer is lost."""

    def __init__(self, uri: str) -> None:
        self._host = urlsplit(uri).netloc
        self._lost, self._then = "", lambda: None
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self._server.daemon_threads = True
        self.uri = f"http://{LOOPBACK}:{self._server.server_port}"

    def lose(self, call: str, then: Callable[[], None] = lambda: None) -> None:
        """The next answer to a path that ends like this is lost; `then` runs when the server has given it."""
        self._lost, self._then = call, then

    @property
    def has_lost(self) -> bool:
        """Whether the named call came."""
        return not self._lost

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                upstream = http.client.HTTPConnection(proxy._host, timeout=30)
                try:
                    upstream.request(self.command, self.path, body, dict(self.headers) | {"Accept-Encoding": "identity"})
                    answer = upstream.getresponse()
                    content = answer.read()
                except OSError:
                    self.close_connection = True
                    return
                finally:
                    upstream.close()
                if proxy._lost and self.path.partition("?")[0].endswith(proxy._lost):
                    proxy._lost = ""
                    proxy._then()
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in {*_OF_A_HOP, "content-length"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on

            def log_message(self, *_: object) -> None:
                """A test reads no access log."""

        return Handler

    def __enter__(self) -> Self:
        """Up."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Gone."""
        self._server.shutdown()
        self._server.server_close()
