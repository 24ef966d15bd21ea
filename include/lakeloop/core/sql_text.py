"""The text of an SQL expression of a case: which columns it names, and what is left of it without comments and texts."""

import re

# one pass over all of them, so that a quote in a comment opens no text, and two dashes in a text no comment
_ASIDE = re.compile(
    r"""(?P<comment>--(?:\\\n|[^\r\n])*|/\*.*?\*/)
    |(?P<name>`[^`]*`)
    |(?P<typed>\b(?:date|timestamp(?:_ltz|_ntz)?|interval|x)\s*)?
     (?:\br(?:'[^']*'|"[^"]*")|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


def with_one_text(sql: str, text: str) -> str:
    """The SQL without its comments, and with one text for all that are no date, interval or the like."""

    def instead(found: re.Match[str]) -> str:
        if found["comment"]:
            return " "
        return found[0] if found["name"] or found["typed"] else f"'{text}'"

    return _ASIDE.sub(instead, sql)


def bare(sql: str) -> str:
    """The SQL without its comments, and with every text emptied."""
    return _ASIDE.sub(lambda found: found["name"] or (" " if found["comment"] else "''"), sql)


def names_column(sql: str, column: str) -> bool:
    """Whether the SQL names a column: in any case, not in a text or a comment, and not as a function of the same name."""
    return re.search(rf"\b{re.escape(column)}\b(?!\s*\()", bare(sql), re.IGNORECASE) is not None
