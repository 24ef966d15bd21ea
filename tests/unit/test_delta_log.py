"""A Delta log only grows: each way of hurting it is named, and what Delta does itself is none."""

import pytest

from lakeloop.core.delta_log import log_faults, log_gaps, log_of
from lakeloop.gate import LATEST_RULES, gate_version, rules_of


def names(*versions: int) -> list[str]:
    return [f"{version:020d}.json" for version in versions]


def checkpoint(version: int) -> str:
    return f"{version:020d}.checkpoint.parquet"


def changes(change: str, *files: str) -> dict[str, str]:
    return dict.fromkeys(files, change)


def test_a_path_names_its_log() -> None:
    assert log_of("clean/toy/readings/_delta_log/_last_checkpoint") == ("clean/toy/readings/_delta_log/", "_last_checkpoint")
    assert log_of("clean/toy/readings/data.parquet") is None


def test_a_log_with_a_gap_or_without_its_beginning_is_named() -> None:
    assert log_gaps("t/", []) == []
    assert log_gaps("t/", names(0, 1, 2)) == []
    assert "has 2 of versions 0 to 2" in log_gaps("t/", names(0, 2))[0]
    assert "begins at version 3" in log_gaps("t/", names(3, 4))[0]
    assert log_gaps("t/", [checkpoint(10), *names(10, 11, 12)]) == []
    assert log_gaps("t/", [checkpoint(10), *names(11, 12)]) == []
    assert log_gaps("t/", [checkpoint(5), *names(11, 12)]) != []
    assert log_gaps("t/", [checkpoint(5), checkpoint(12), *names(11, 12)]) == []


@pytest.mark.parametrize(
    ("there", "touched"),
    [
        (names(0, 1, 2), changes("added", *names(2))),
        (names(0, 1), changes("added", *names(0, 1))),
        ([checkpoint(10), *names(10, 11)], changes("removed", *names(*range(10)), checkpoint(5)) | changes("added", *names(11))),
        ([*names(0, 1), "_last_checkpoint"], changes("changed", "_last_checkpoint") | changes("added", *names(1))),
        ([*names(0), "00000000000000000000.crc"], changes("removed", "00000000000000000009.crc")),
    ],
)
def test_growth_and_deltas_own_clean_up_are_no_fault(there: list[str], touched: dict[str, str]) -> None:
    assert log_faults("t/", there, touched) == []


@pytest.mark.parametrize(
    ("there", "touched", "words"),
    [
        (names(0, 1), changes("removed", *names(2)), "lost 00000000000000000002.json"),
        ([], changes("removed", *names(0, 1)), "lost 00000000000000000000.json"),
        ([checkpoint(2), *names(0, 1)], changes("removed", *names(2)), "lost 00000000000000000002.json"),
        ([checkpoint(3), *names(0, 1)], changes("removed", *names(2)), "checkpoint of version 3 and no entry"),
        ([checkpoint(9)], changes("removed", *names(8)), "checkpoint of version 9 and no entry"),
        (names(0, 1), changes("changed", *names(1)), "had 00000000000000000001.json rewritten"),
        ([checkpoint(1), *names(0, 1)], changes("changed", checkpoint(1)), "rewritten"),
        (names(0, 1), changes("removed", checkpoint(1)), "lost 00000000000000000001.checkpoint.parquet"),
        ([checkpoint(4), *names(3, 4)], changes("added", *names(3)), "got 00000000000000000003.json after version 4"),
        (names(0, 1, 3), changes("added", *names(3)), "has 3 of versions 0 to 3"),
    ],
)
def test_what_shortens_rewrites_or_tears_a_log_is_named(there: list[str], touched: dict[str, str], words: str) -> None:
    assert any(words in fault for fault in log_faults("t/", there, touched))


def test_history_knows_the_rules_of_this_very_gate() -> None:
    """A changed gate gets a line of its own in `lakeloop.gate`; the old one's stays, for the merges it judged."""
    assert rules_of(gate_version()) == LATEST_RULES
    assert rules_of("d1be7d57da5e") == 1
    assert rules_of("unheard of") is None
