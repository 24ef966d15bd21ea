"""Words for people: a number with its noun, a stranger's text."""

import re


def counted(number: int, noun: str) -> str:
    """`1 date`, `2 days`, `3 deliveries`, `4 branches`."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{number} {noun[:-1]}ies"
    return f"{number} {noun}{'es' if noun.endswith(('ch', 'sh', 's', 'x')) else 's'}"


def names_word(text: str, word: str) -> bool:
    """Whether a text, e.g. a module's source, has a word in it as a whole; of SQL `sql_text.names_column` says it."""
    return re.search(rf"\b{re.escape(word)}\b", text) is not None


def spelled(text: str) -> str:
    """A stranger's text with its controls spelled out, line feeds apart: it gives a terminal no orders."""
    return "".join(one if one == "\n" or one.isprintable() else ascii(one)[1:-1] for one in text)


def quoted(text: str, most: int = 60) -> str:
    """A stranger's text inside a sentence: in quotes, no longer than that, what is invisible in it spelt out."""
    cut = text[:most]
    return (repr(cut) if cut.isprintable() else ascii(cut)) + "…" * (len(text) > most)
