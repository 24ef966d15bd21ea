"""A verdict's evidence as two files: numbers for machines, and one self-contained page for people."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from lakeloop.core.lake import receipt_path
from lakeloop.core.reports import DateEvidence
from lakeloop.core.verdict import Verdict
from lakeloop.pages import render

PAGE, NUMBERS = "verdict.html", "verdict.json"
_UP = "../../../"  # from the folder of some work's evidence to the top of the lake


class Told(NamedTuple):
    """One date as the page tells it; `trust` is empty where no scores of it are visible."""

    verdict: Verdict
    evidence: DateEvidence
    candidate: str
    trust: str
    words: str
    done: str


def verdict_pages(case: str, work: str, run_id: str, dates: Sequence[Told], links: dict[str, str]) -> dict[str, str]:
    """`verdict.json` with every measurement, `verdict.html` to be read; `links` are names of files beside or above them."""
    numbers = {"case": case, "run_key": work, "run_id": run_id, "dates": [_numbers(one) for one in dates]}
    links = {**links, "all numbers": NUMBERS}
    shown = render("lakeloop.steps", "verdict.html.j2", case=case, work=work, run_id=run_id, dates=dates, links=links)
    return {NUMBERS: json.dumps(numbers, indent=1), PAGE: shown}


def receipt_link(run_key: str) -> str:
    """The receipt of some work, as a page of evidence links to it at whatever ref both are read."""
    return f"{_UP}{receipt_path(run_key)}"


def _numbers(one: Told) -> dict[str, Any]:
    said = {"verdict": one.verdict.word, "trust": one.trust, "words": one.words, "done": one.done, "candidate": one.candidate}
    return one.evidence.model_dump(mode="json") | said
