"""A person's reason, as receipts, verdicts and versions keep it: one rule for every form and every command."""

import unicodedata

LONGEST = 500  # characters
# Orders to whoever shows the text: line and page breaks, escape sequences, and those that turn its direction round.
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def fault_of(reason: str) -> str:
    """What is wrong with a reason; empty when it may be kept. Space around it does not count."""
    said = reason.strip()
    if len(said) > LONGEST:
        return f"a reason has at most {LONGEST} characters, this one {len(said):,}"
    if found := next((one for one in said if gives_orders(one)), ""):
        return f"a reason is one line of plain text, and this one has the control character U+{ord(found):04X}"
    if not any(_is_read(one) for one in said):
        return "a reason says why in words, and this one has no letter and no digit"
    return ""


def gives_orders(one: str) -> bool:
    """Whether a character is a control, or turns the reading direction."""
    return unicodedata.category(one) in _CONTROLS or unicodedata.bidirectional(one) in _TURNS


def _is_read(one: str) -> bool:
    """Letters and digits, without those of Hangul that stand for none and show nothing."""
    return unicodedata.category(one)[0] in "LN" and "FILLER" not in unicodedata.name(one, "")
