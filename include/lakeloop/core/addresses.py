"""Addresses as they may be shown; pure."""

import re

_LOGIN = re.compile(r"(https?://)[^/?#\s]*@")  # `lakefs://lake@commit` names a repository there


def without_login(words: str) -> str:
    """An address, or words with addresses in them, without anybody's `user:password@`."""
    return _LOGIN.sub(r"\1", words)
