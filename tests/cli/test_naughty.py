"""Commands of the intake under whatever is typed: a sentence that a terminal may show, and nothing is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.cli.main import app
from lakeloop.core.errors import ConfigurationError, InvalidInput, LakeloopError
from lakeloop.core.words import spelled
from lakeloop.settings import Settings
from tests.naughty import NAUGHTY, NO_TEXT, PLAIN_TEXT, is_plain

NIGHT = ("--from", "2024-01-01")
REASONS = {
    "reinstate": ("ingest", "flights", *NIGHT, "--reinstate"),
    "retry refused": ("ingest", "flights", *NIGHT, "--retry-refused"),
    "replay": ("ingest", "flights", *NIGHT, "--replay"),
    "quarantine replay": ("quarantine", "replay", "flights", *NIGHT, "--reason"),
    "retention": ("retention", "flights", "--apply", "--reason"),
}
NAMES = {
    "ingest": ("ingest", *NIGHT),
    "ingest --table": ("ingest", "flights", *NIGHT, "--table"),
    "deliveries": ("deliveries", "--case"),
    "quarantine replay": ("quarantine", "replay", *NIGHT, "--reason", "why"),
    "quarantine replay --table": ("quarantine", "replay", "flights", *NIGHT, "--reason", "why", "--table"),
    "retention": ("retention",),
    "contract show": ("contract", "show"),
    "contract export": ("contract", "export"),
    "contract diff": ("contract", "diff"),
    "contract show --table": ("contract", "show", "flights", "--table"),
    "lineage": ("lineage",),
}
DATES = {"from": ("deliveries", "--from"), "night": ("ingest", "flights", "--from"), "rows": ("quarantine", "list", "--to")}
LONG = "x" * 131_000  # as long as a shell may pass one
TYPED = ["", "a\udcff", "a\x1b[31m\u202eb", "/nope/x.html", ".", "x" * 500, LONG, "-1"]
FITTING = {
    "case": "flights", "what": "flights", "model": "flights/1", "first": "2024-01-01", "version": "1", "second": "2",
    "reason": "why",
}  # fmt: skip
UNTRIED = {"bench", "compose"}  # they begin programs
FAR = [("0001-01-01", "9999-12-31"), ("9999-12-31", "9999-12-31"), ("2024-01-02", "2024-01-01")]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack root that nothing was started in: whoever gets as far as the lake finds no key."""
    monkeypatch.setenv("LAKELOOP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def typed(*arguments: str) -> tuple[Result, str]:
    """What came of it, and everything a terminal shows of that."""
    done = CliRunner().invoke(app, [*arguments], env={"COLUMNS": "200", "NO_COLOR": "1"})
    failed = done.exception
    assert failed is None or isinstance(failed, LakeloopError | SystemExit), failed
    return done, done.output + (spelled(str(failed)) if isinstance(failed, LakeloopError) else "")


@pytest.mark.parametrize("command", REASONS.values(), ids=REASONS)
@pytest.mark.parametrize("words", NO_TEXT.values(), ids=NO_TEXT)
def test_a_reason_that_is_none_is_refused_before_anything_is_looked_at(command: tuple[str, ...], words: str, home: Path) -> None:
    done, shown = typed(*command, words)
    assert done.exit_code == 2
    assert "nothing was done" in " ".join(shown.split())
    assert is_plain(shown)
    assert not home.exists()


@pytest.mark.parametrize("command", REASONS.values(), ids=REASONS)
@pytest.mark.parametrize("words", PLAIN_TEXT.values(), ids=PLAIN_TEXT)
def test_a_reason_of_any_text_gets_as_far_as_the_lake(command: tuple[str, ...], words: str) -> None:
    done, shown = typed(*command, words)
    assert isinstance(done.exception, ConfigurationError), shown
    assert "no key to the lake" in shown


@pytest.mark.parametrize("words", PLAIN_TEXT.values(), ids=PLAIN_TEXT)
def test_a_freeze_keeps_its_reason_as_it_came(words: str) -> None:
    done, shown = typed("freeze", words)
    assert (done.exit_code, is_plain(shown)) == (0, True)
    assert PlatformDb(Settings.load().platform_db_url).lease.frozen() == words


@pytest.mark.parametrize("words", NO_TEXT.values(), ids=NO_TEXT)
def test_a_freeze_without_a_reason_freezes_nothing(words: str, home: Path) -> None:
    done, shown = typed("freeze", words)
    assert (done.exit_code, is_plain(shown), home.exists()) == (2, True, False)


@pytest.mark.parametrize("command", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("words", [each for each in NAUGHTY.values() if each], ids=[name for name in NAUGHTY if NAUGHTY[name]])
def test_a_name_that_there_is_not_is_a_sentence(command: tuple[str, ...], words: str) -> None:
    done, shown = typed(*command, words)
    assert isinstance(done.exception, InvalidInput) or done.exit_code == 2, shown
    assert is_plain(shown)


def test_no_name_is_not_the_first_case_there_is() -> None:
    done, _ = typed("ingest", "", *NIGHT)
    assert isinstance(done.exception, InvalidInput)


@pytest.mark.parametrize("command", DATES.values(), ids=DATES)
@pytest.mark.parametrize("words", [*PLAIN_TEXT.values(), "2024-02-30", "a\x1b[31mb", "\u202e2024"])
def test_a_date_that_is_none_is_refused(command: tuple[str, ...], words: str) -> None:
    done, shown = typed(*command, words)
    assert (done.exit_code, is_plain(shown)) == (2, True), shown


@pytest.mark.parametrize(("first", "last"), FAR)
def test_a_range_that_no_night_is_in_is_refused(first: str, last: str) -> None:
    done, shown = typed("ingest", "flights", "--from", first, "--to", last, "--replay", "why")
    assert isinstance(done.exception, InvalidInput), shown


@pytest.mark.parametrize("nights", ["0", "-1", "99999999999", "١", "1e3"])
def test_a_chunk_of_no_or_too_many_nights_is_refused(nights: str) -> None:
    done, shown = typed("ingest", "flights", *NIGHT, "--chunk-days", nights)
    assert (done.exit_code, is_plain(shown)) == (2, True), shown


def commands(at: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that lead to it."""
    inner = getattr(at, "commands", None)
    if inner is None:
        yield path, at
    for name in inner or ():
        if name not in UNTRIED:
            yield from commands(inner[name], (*path, name))


def parameters() -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Every parameter that takes a value: its command and name, and what is typed before and behind that value."""
    for path, command in commands(typer.main.get_command(app)):
        taking = [one for one in command.params if not getattr(one, "is_flag", False)]
        for tried in taking:
            others = [one for one in taking if one.required and one is not tried]
            options = [word for one in others if one.param_type_name == "option" for word in (one.opts[0], FITTING[one.name])]
            if tried.param_type_name == "option":
                yield f"{' '.join(path)} {tried.name}", (*path, *options, *_values(others), tried.opts[0]), ()
                continue
            at = [one for one in taking if one.param_type_name == "argument"].index(tried)
            before = [one for one in taking[:at] if one in others]
            behind = [one for one in others if one not in before]
            yield f"{' '.join(path)} {tried.name}", (*path, *options, *_values(before)), _values(behind)


def _values(those: Sequence[Any]) -> tuple[str, ...]:
    """What fits the arguments among them."""
    return tuple(FITTING[one.name] for one in those if one.param_type_name == "argument")


PARAMETERS = {name: (before, behind) for name, before, behind in parameters()}


@pytest.mark.parametrize(("before", "behind"), PARAMETERS.values(), ids=PARAMETERS)
def test_whatever_is_typed_for_a_parameter_the_answer_is_a_sentence(
    before: tuple[str, ...], behind: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in TYPED:
        _, shown = typed(*before, words, *behind)
        assert LONG[:1000] not in shown, before
        assert all(one in "\n\t" or one.isprintable() for one in shown), (before, words[:50])


@pytest.mark.parametrize(
    ("path", "why"), [("nope/x.html", "No such file"), (".", "Is a directory"), ("x" * 500, "File name too long")]
)
def test_a_page_that_cannot_be_written_is_a_sentence(
    path: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done, shown = typed("contract", "show", "flights", "--html", path)
    assert (done.exit_code, f"cannot be written ({why}" in " ".join(shown.split()), is_plain(shown)) == (2, True, True), shown


def test_half_a_character_is_no_ref() -> None:
    done, shown = typed("verify", "--ref", "a\udcff")
    assert done.exit_code == 2, shown
    assert "is no text: it has a NUL or is not UTF-8; nothing was done" in " ".join(shown.split())
