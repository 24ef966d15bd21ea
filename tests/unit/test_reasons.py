"""What may stand as a person's reason, and what may not."""

import re

import pytest

from lakeloop.core.errors import InvalidInput
from lakeloop.core.reasons import LONGEST, fault_of
from lakeloop.core.runs import Run

BLANK = {
    "nothing": "",
    "spaces": "   ",
    "tab and line breaks": "\t\r\n",
    "no-break and ideographic space": "\u00a0\u2003\u3000",
    "zero-width space": "\u200b\u200b",
    "joiners and a byte order mark": "\u200c\u200d\ufeff",
    "soft hyphen": "\u00ad",
    "Hangul fillers": "\u3164\u115f\u1160\uffa0",
    "blank Braille": "\u2800",
    "Mongolian vowel separator": "\u180e",
    "variation selectors": "\ufe0f\ufe0f",
    "an accent on nothing": "\u0301",
    "tag characters": "\U000e0041\U000e0042",
    "the ellipsis of an example": "…",
    "dots": "...",
    "dashes": " -- ",
    "an emoji alone": "👍",
}
ORDERS = {
    "NUL": "checked\x00",
    "a second line": "checked\nby hand",
    "carriage return": "checked\rby hand",
    "tab": "checked\tby hand",
    "escape sequence": "\x1b[2Jchecked",
    "C1 control": "checked\x85by hand",
    "right-to-left override": "checked \u202egpj.exe",
    "isolate": "\u2067checked\u2069",
    "line separator": "checked\u2028by hand",
    "half a surrogate": "checked \ud800",
}
GOOD = {
    "a word": "checked",
    "two digits": "42",
    "German": "Größe geprüft",
    "Arabic": "تم الفحص",
    "Japanese": "確認済み",
    "Korean": "확인함",
    "Persian with a zero-width non-joiner": "بررسی می\u200cشود",
    "Hindi": "जाँच की गई",
    "an emoji with a word": "fine 👩‍🔬",
    "decomposed": "gepru\u0308ft",
    "SQL": "'; DROP TABLE x; --",
    "a template": "{{ ds }} ${HOME} $(id)",
    "markup": "<script>alert(1)</script>",
    "as long as may be": "x" * LONGEST,
}


@pytest.mark.parametrize("reason", BLANK.values(), ids=BLANK)
def test_what_nobody_can_read_is_no_reason(reason: str) -> None:
    assert fault_of(reason) == "a reason says why in words, and this one has no letter and no digit"


@pytest.mark.parametrize("reason", ORDERS.values(), ids=ORDERS)
def test_what_gives_a_terminal_orders_is_refused_by_its_name(reason: str) -> None:
    assert re.search(r"has the control character U\+[0-9A-F]{4}$", fault_of(reason))


@pytest.mark.parametrize("reason", GOOD.values(), ids=GOOD)
def test_words_of_any_language_are_kept_as_they_came(reason: str) -> None:
    assert fault_of(f" {reason}\n") == ""


def test_a_reason_has_an_end() -> None:
    assert fault_of("x" * (LONGEST + 1)) == "a reason has at most 500 characters, this one 501"


@pytest.mark.parametrize("field", ["reason", "reinstate", "retry_refused", "replay"])
def test_every_reason_that_a_run_carries_keeps_the_rule_and_none_at_all_is_none(field: str) -> None:
    asked = {"case": "use_cases.toy:TOY", "stage": "ingest", "run_id": "r", "date_from": "2024-01-01", "date_to": "2024-01-01"}
    for reason in (" ", "\u200b", "checked\x00"):
        with pytest.raises(InvalidInput, match="nothing was done"):
            Run.asked(**asked, **{field: reason})
    assert getattr(Run.asked(**asked, **{field: " checked "}), field) == "checked"
    assert not Run.asked(**asked, **{field: ""}).reopens
