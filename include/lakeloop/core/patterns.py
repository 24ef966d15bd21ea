"""Patterns of contracts, before Spark is asked: its engine, Java's, decides; refused here is only what no engine takes."""

import re

_IN_NO_ENGINE = ("missing )", "unbalanced parenthesis", "unterminated character set", "nothing to repeat", "bad escape (end")
_SET_IN_A_SET = re.compile(r"\[[^\]]*\[")  # which Java knows and Python does not


def pattern_fault(pattern: str) -> str:
    """What makes a pattern unreadable in any engine; empty where there is nothing, or only Java can tell."""
    try:
        re.compile(pattern)
    except re.error as error:
        is_certain = error.msg.startswith(_IN_NO_ENGINE) and not _SET_IN_A_SET.search(pattern)
        return str(error) if is_certain else ""
    return ""
