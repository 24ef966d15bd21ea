"""What a run may be asked: reasons of any text kept as they came; what is none, and what no night is, with a sentence."""

import pytest

from lakeloop.core.errors import InvalidInput
from lakeloop.core.runs import Run
from tests.naughty import NO_TEXT, PLAIN_TEXT, is_plain

NIGHT = {"date_from": "2024-01-01", "date_to": "2024-01-01"}
FIELDS = ("reinstate", "retry_refused", "replay", "reason")


def asked(**more: str) -> Run:
    return Run.asked(case="toy:TOY", stage="ingest", run_id="r", **(NIGHT | more))


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("words", PLAIN_TEXT.values(), ids=PLAIN_TEXT)
def test_a_reason_of_any_text_is_kept_as_it_came(field: str, words: str) -> None:
    assert getattr(asked(**{field: f"  {words}\n"}), field) == words


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("words", [each for each in NO_TEXT.values() if each], ids=[name for name in NO_TEXT if NO_TEXT[name]])
def test_what_is_no_text_is_refused_with_its_field(field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        asked(**{field: words})
    said = str(refused.value)
    assert (said.split(":")[0], said.endswith("; nothing was done"), is_plain(said)) == (field, True, True)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"date_from": "0001-01-01"}, "there is no night of 0001-01-01: nights are of the years 1900 to 2199"),
        ({"date_to": "9999-12-31"}, "there is no night of 9999-12-31"),
        ({"date_from": "2024-02-30"}, "date_from: Input should be a valid date"),
        ({"date_from": "2024-01-02"}, "date_from 2024-01-02 is after date_to 2024-01-01"),
        ({"decide": "keep"}, "decide: Input should be"),
        ({"decide": "accept"}, "decide=accept needs date_from, date_to and a reason"),
        ({"cause": "verdict|2013-07-01"}, "cause: Input should be"),
        ({"unknown": "x"}, "unknown: Extra inputs are not permitted"),
    ],
)
def test_what_else_no_run_can_be_asked_is_refused_with_its_field(more: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        asked(**more)
    assert words in str(refused.value)
