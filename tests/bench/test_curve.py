"""The bench's days are published days, and what they ask of the lake does not grow."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from lakeloop import wiring
from lakeloop.bench import curve, figures
from lakeloop.bench.parts import Figures
from lakeloop.settings import Settings
from lakeloop.stack.lakefs import LakefsServer
from lakeloop.steps.verify import verify

DAYS = 6


def test_days_are_published_and_ask_as_much_of_the_lake_as_the_days_before(lakefs_server: LakefsServer, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path / "home", lakefs_endpoint=lakefs_server.endpoint, lakefs_access_key_id=lakefs_server.access_key_id,
        lakefs_secret_access_key=SecretStr(lakefs_server.secret_access_key),
    )  # fmt: skip
    days = curve.measure(settings, tmp_path / "days", DAYS, set(), lambda _words: None)
    assert [day.number for day in days] == list(range(1, DAYS + 1))
    assert {day.calls for day in days[1:]} == {days[-1].calls}
    lake = wiring.lake_of(settings.model_copy(update={"repository": "bench-days"}))
    judged = list(verify(lake))
    assert [finding for _, found in judged for finding in found] == []
    assert len(judged) == 2 * DAYS + 1  # bytes and rows of each day, and the gate

    folder = figures.keep(Figures(machine="a machine", curve=tuple(days)), tmp_path / "bench")
    page = (folder / "curve.html").read_text()
    assert page.count('class="processor"') == page.count('class="whole"') == DAYS
    assert Figures.model_validate_json((folder / "bench.json").read_bytes()).curve == tuple(days)
