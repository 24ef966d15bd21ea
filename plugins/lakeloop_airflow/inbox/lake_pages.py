"""Read-only pages of the lake for people: what a run branch changes, receipts and evidence; never rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePosixPath

from markupsafe import Markup
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from lakeloop.core.errors import LakeError, NotFound
from lakeloop.core.lake import EVIDENCE, MAIN
from lakeloop.ports import Lake

_SHOWN = "_lakeloop/"
_LISTED = 500
# Evidence is HTML that was written from data: it may look, and do nothing.
_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FRAME = Markup(
    '<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{title}</title>'
    "<style>body{{font:15px/1.6 system-ui,sans-serif;max-width:900px;margin:32px auto;padding:0 20px;overflow-wrap:anywhere}}"
    "h1{{font-size:19px}}li{{font-family:ui-monospace,monospace;font-size:13px}}</style><h1>{title}</h1><ul>{items}</ul>{more}"
)


class LakePages:
    """Opens the lake on the first question, so that the inbox also works while the lake is down."""

    def __init__(self, open_lake: Callable[[], Lake]) -> None:
        self._open = open_lake

    def answer(self, ref: str, path: str) -> Response:
        """A list of changes for a ref alone, a list of files for a folder, the file itself for a path."""
        if path and (not path.startswith(_SHOWN) or ".." in PurePosixPath(path).parts):
            return PlainTextResponse(
                "only what the platform wrote about its runs is shown here", status_code=403, headers=_HEADERS
            )
        try:
            if not path:
                return self._changes(ref)
            return self._kept(ref, path)
        except NotFound:
            words = f"{ref} {path} is not there: {_why_gone(path)}"
            return PlainTextResponse(words, status_code=404, headers=_HEADERS)
        except LakeError as error:
            return PlainTextResponse(str(error), status_code=502, headers=_HEADERS)

    def _kept(self, ref: str, path: str) -> Response:
        show = self._folder if path.endswith("/") else self._file
        try:
            return show(ref, path)
        except NotFound:
            if ref == MAIN:
                raise
            return show(MAIN, path)  # the branch was published and dropped: what it kept of its run is on main

    def _changes(self, ref: str) -> Response:
        lake = self._open()
        found: list[Markup] = []
        for change in lake.diff(lake.head(MAIN), lake.commit_of(ref).id):
            if len(found) == _LISTED:
                break
            found.append(Markup("<li>{} {}</li>").format(change.type, change.path))
        more = f"and more than {_LISTED} others" if len(found) == _LISTED else ""
        return _page(f"{ref} against {MAIN}", found, more or ("" if found else "no difference"))

    def _folder(self, ref: str, path: str) -> Response:
        names = sorted(self._open().list(ref, path))[:_LISTED]
        if not names:
            raise NotFound(path)
        return _page(f"{path} at {ref}", [Markup('<li><a href="{0}">{0}</a></li>').format(name[len(path) :]) for name in names])

    def _file(self, ref: str, path: str) -> Response:
        content = self._open().get(ref, path)
        if path.endswith(".html"):
            return HTMLResponse(content, headers=_HEADERS)
        text = content.decode("utf-8", "replace")
        if path.endswith(".json"):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        return PlainTextResponse(text, headers=_HEADERS)


def _why_gone(path: str) -> str:
    if path.startswith(EVIDENCE):
        return (
            "it never was, its run branch was dropped after a week, or it was past its time and went with a retention. "
            "Next: the same address with the commit of the run instead of the branch"
        )
    return "a run branch is dropped once its work is published, or after a week"


def _page(title: str, items: list[Markup], more: str = "") -> Response:
    return HTMLResponse(_FRAME.format(title=title, items=Markup().join(items), more=more), headers=_HEADERS)
