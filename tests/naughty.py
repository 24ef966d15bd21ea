"""Texts that somebody will send: what is no text at all, and what is text and means nothing to us."""

NO_TEXT = {
    "nothing": "",
    "blanks": " \t \n",
    "invisible": "\u200b\ufeff\u2060",
    "no word": "?! -- ...",
    "NUL": "a\0b",
    "a bell": "a\x07b",
    "a colour": "a\x1b[31mb",
    "a title": "\x1b]0;owned\x07a",
    "backspaces": "no\x08\x08yes",
    "C1": "a\x9b31mb",
    "bidi": "\u202egpj.exe",
    "isolate": "a\u2066b\u2069",
    "half a character": "a\udcffb",
    "lines": "one\r\ntwo",
    "a tab": "one\ttwo",
    "5 MB": "x" * 5_000_000,
}
PLAIN_TEXT = {
    "SQL": "x'; DROP TABLE runs; --",
    "HTML": '<script>alert("1")</script>&amp;',
    "Slack": "<!channel> *bold* `code`",
    "a template": "{{ ds }} {% raw %} ${HOME} $(id) `id`",
    "formats": "%s%n {0} {x}",
    "traversal": "../../etc/passwd ..%2f..%2fetc",
    "a formula": "=cmd|' /C calc'!A0",
    "digits": "١٢٣ ２０１３",
    "languages": "Привет, שלום, 你好, é, e\u0301",
    "emoji": "a 👩‍👩‍👧 and a 🏴‍☠️",
    "a word of Python": "None",
    "an option": "it --help",
    "500": "x" * 500,
}
REASON = " ".join(words for name, words in PLAIN_TEXT.items() if name != "500")  # all of it in one
NAUGHTY = NO_TEXT | PLAIN_TEXT


def is_plain(words: str) -> bool:
    """Whether a terminal may show it: nothing in it gives an order, and it is not a book."""
    return len(words) < 3000 and all(one in "\n\t" or one.isprintable() for one in words)
