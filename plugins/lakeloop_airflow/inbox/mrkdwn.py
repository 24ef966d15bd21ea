"""Slack's message format as HTML: links, bold and code; everything else is text, whatever it looks like."""

from __future__ import annotations

import html
import re

from markupsafe import Markup, escape

_TOKENS = re.compile(r"```(?P<block>.+?)```|`(?P<code>[^`\n]+)`|<(?P<link>[^<>\n]+)>|\*(?P<bold>[^*\n]+)\*", re.DOTALL)


def to_html(words: str) -> Markup:
    """Markup that is safe to show: only http addresses become links, and a mention is shown as it was written."""
    parts, position = [], 0
    for found in _TOKENS.finditer(words):
        parts += [_text(words[position : found.start()]), _token(found)]
        position = found.end()
    return Markup().join([*parts, _text(words[position:])])


def _token(found: re.Match[str]) -> Markup:
    for group, tag in (("block", "pre"), ("code", "code"), ("bold", "strong")):
        if found[group] is not None:
            return Markup("<{0}>{1}</{0}>").format(tag, _text(found[group].strip("\n")))
    address, _, label = found["link"].partition("|")
    address = html.unescape(address)
    if not address.startswith(("http://", "https://")):
        return _text(f"<{found['link']}>")
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(address, _text(label or address))


def _text(words: str) -> Markup:
    return escape(html.unescape(words))
