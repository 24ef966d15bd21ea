"""What MLflow's webhook tells: an alias moved. Believed when it is signed and fresh; it says where to look, never what to do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

# As in mlflow.webhooks.constants, whose import is that of all of MLflow; a test compares them.
SIGNATURE, TIMESTAMP, DELIVERY = "X-MLflow-Signature", "X-MLflow-Timestamp", "X-MLflow-Delivery-Id"
VERSION = "v1"
EVENTS = (("model_version_alias", "created"), ("model_version_alias", "deleted"))
FRESH_SECONDS = 300  # either way; MLflow's retries of one delivery end well before
_LARGEST = 64 * 1024


class Refused(Exception):
    """A delivery that is not acted on: the status says why, and is none that MLflow would try again."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status


class RegistryEvents:
    """The address that MLflow calls; `asked` is told the case whose aliases are to be looked at, and must not block."""

    def __init__(self, secret: str, cases: Callable[[], Collection[str]], asked: Callable[[str], None]) -> None:
        self._secret, self._cases, self._asked = secret, cases, asked

    async def receive(self, request: Request) -> Response:
        """202 for what is MLflow's own word, of whatever model; nothing was looked at yet."""
        try:
            body = await _bounded(request)
            check_signed(self._secret, request.headers, body)
            model = model_of(body)
        except Refused as refused:
            return JSONResponse({"refused": str(refused)}, status_code=refused.status)
        known = model in self._cases()
        if known:
            self._asked(model)
        return JSONResponse({"model": model, "is_case": known}, status_code=HTTPStatus.ACCEPTED)


def check_signed(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Refuses what was not signed with this stack's secret, or was signed minutes ago.

    Raises:
        Refused: no secret, no or another signature, or a time that is not now.
    """
    if not secret:
        raise Refused(HTTPStatus.FORBIDDEN, "this inbox was given no secret, so it believes no webhook")
    at = headers.get(TIMESTAMP, "")
    if not hmac.compare_digest(signature(secret, headers.get(DELIVERY, ""), at, body), headers.get(SIGNATURE, "").encode()):
        raise Refused(HTTPStatus.FORBIDDEN, "not signed with the secret of this stack's webhook")
    if not at.isdecimal() or abs(time.time() - int(at)) > FRESH_SECONDS:
        raise Refused(HTTPStatus.FORBIDDEN, f"signed more than {FRESH_SECONDS} s from now")


def signature(secret: str, delivery: str, at: str, body: bytes) -> bytes:
    """MLflow's HMAC-SHA256 over the delivery's id, its time in Unix seconds and its bytes."""
    content = f"{delivery}.{at}.".encode() + body
    return f"{VERSION},".encode() + base64.b64encode(hmac.digest(secret.encode(), content, hashlib.sha256))


def model_of(body: bytes) -> str:
    """The registered model whose alias moved.

    Raises:
        Refused: the event is another one, or no event of MLflow's shape.
    """
    try:
        told = json.loads(body)
        event, model = (told["entity"], told["action"]), told["data"]["name"]
    except (ValueError, TypeError, KeyError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, "no event of a model registry") from error
    if event not in EVENTS or not isinstance(model, str):
        raise Refused(HTTPStatus.BAD_REQUEST, "not an event of a model version's alias")
    return model


async def _bounded(request: Request) -> bytes:
    """The body, read no further than the limit."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"larger than {_LARGEST} bytes")
    return bytes(body)
