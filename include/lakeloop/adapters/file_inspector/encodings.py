"""Guesses at what text is that is not UTF-8: words for a person, never a decision."""

import codecs

CUT = "unexpected end of data"  # as Python says it of bytes that end inside a character
_AROUND = 1 << 12
_SEVERAL = 4  # NUL bytes that are no slip
_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16",
}  # fmt: skip
_LETTERS = range(0xC0, 0x100)  # where cp1251 has the Cyrillic alphabet, and Latin-1 the accented letters
_CONTROLS = range(0x80, 0xA0)  # printable in cp1252 only


def guess(content: bytes, error: UnicodeDecodeError, *, is_mixed: bool) -> str:
    """What the text around a fault looks like; `is_mixed` when characters of UTF-8 stand before it."""
    for mark, name in _WIDE.items():
        if content.startswith(mark):
            return f"it begins like {name}"
    if error.reason == CUT:
        return "it ends in the middle of a character"
    like = _single_byte(content[max(error.start - _AROUND, 0) : error.start + _AROUND])
    return (
        f"it looks like {like}, and what stands before it is UTF-8: two encodings in one file"
        if is_mixed
        else f"it looks like {like}"
    )


def guess_with_nuls(content: bytes, offset: int) -> tuple[str, str]:
    """A code and words for text with NUL bytes in it: every second byte of UTF-16 is one."""
    for mark, name in _WIDE.items():
        if offset == 0 and content.startswith(mark):
            return "not_utf8", f"it begins like {name}, not UTF-8"
    sample = content[:_AROUND]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if even + odd >= _SEVERAL and max(even, odd) * 4 > len(sample) and min(even, odd) * 8 < len(sample):
        return "not_utf8", "it looks like UTF-16 without a byte order mark, not UTF-8"
    return "nul", "a NUL byte"


def _single_byte(sample: bytes) -> str:
    """Cyrillic words are runs of high bytes; an accent stands alone among ASCII."""
    high = [byte > 0x7F for byte in sample]
    paired = sum(one and (before or after) for before, one, after in zip([False, *high], high, [*high[1:], False], strict=False))
    letters = sum(byte in _LETTERS for byte in sample)
    if paired * 2 > sum(high) and letters * 2 > sum(high):
        return "cp1251 (Cyrillic)"
    return "cp1252" if any(byte in _CONTROLS for byte in sample) else "Latin-1"
