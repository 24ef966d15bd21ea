from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeloop import forgettable
from lakeloop.adapters.lakefs_lake import kept
from lakeloop.adapters.lakefs_lake.kept import Kept
from lakeloop.core.errors import NotFound
from lakeloop.ports import At, Commit

ROOT = Commit("0" * 64, (), {}, "born", datetime(2024, 1, 1, tzinfo=UTC))


class Told:
    """Commits that a lake could tell of, and how many it was made to tell."""

    def __init__(self) -> None:
        self.commits = {ROOT.id: ROOT}
        self.told = 0

    def grow(self, parent: str, word: str) -> str:
        name = f"{len(self.commits):064x}"
        self.commits[name] = Commit(name, (parent, "f" * 64), {"word": word}, word, ROOT.created)
        return name

    def history(self, head: str) -> Iterator[Commit]:
        while head:
            yield self.commits[head]
            head = next(iter(self.commits[head].parents), "")

    def ask(self, head: str, stop_at: str) -> Iterator[Commit]:
        if unknown := {head, *filter(None, [stop_at])} - self.commits.keys():
            message = f"no commit {unknown}"
            raise NotFound(message)
        for commit in self.history(head):
            self.told += 1
            yield commit
            if commit.id == stop_at:
                return


def read(kept: Kept, head: str, lake: Told) -> tuple[Commit, ...]:
    return tuple(kept.history(head, lake.ask))


def grown(count: int) -> tuple[Told, str]:
    lake, head = Told(), ROOT.id
    for at in range(count):
        head = lake.grow(head, str(at))
    return lake, head


STEPS = st.lists(st.tuples(st.sampled_from(["grow", "read", "forget", "tear"]), st.integers(0, 2**31)), max_size=40)


@settings(max_examples=100, deadline=None)
@given(steps=STEPS)
def test_what_is_kept_is_what_the_lake_says_whatever_happens_to_the_file(steps: list[tuple[str, int]]) -> None:
    lake = Told()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "history.db"
        readers = [Kept(file), Kept(file)]
        for what, seed in steps:
            names = list(lake.commits)
            at = names[seed % len(names)]
            if what == "grow":
                lake.grow(at, str(seed))  # from anywhere: heads that are no ancestors of each other
            elif what == "forget":
                readers[seed % 2] = Kept(file)
            elif what == "tear":
                _tear(file, random.Random(seed))
            else:
                assert read(readers[seed % 2], at, lake) == tuple(lake.history(at))


def _tear(file: Path, chance: random.Random) -> None:
    if file.exists():
        body = bytearray(file.read_bytes())
        for _ in range(chance.randrange(1, 20)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        file.write_bytes(body[: chance.choice([len(body), len(body) // 2])])


def test_what_is_known_is_not_asked_for_and_what_is_new_is_asked_for_alone(tmp_path: Path) -> None:
    lake, head = grown(50)
    read(Kept(tmp_path / "history.db"), head, lake)
    lake.told = 0
    assert read(Kept(tmp_path / "history.db"), head, lake) == tuple(lake.history(head))
    assert lake.told == 0
    newer = lake.grow(lake.grow(head, "new"), "newer")
    assert read(Kept(tmp_path / "history.db"), newer, lake) == tuple(lake.history(newer))
    assert lake.told == 3  # two that are new, and the one they stand on


@pytest.mark.parametrize("row", [9, 21])
@pytest.mark.parametrize("column", ["body", "parent", "digest"])
def test_a_row_that_was_meddled_with_is_asked_for_again(tmp_path: Path, column: str, row: int) -> None:
    lake, head = grown(20)
    file = tmp_path / "history.db"
    read(Kept(file), head, lake)
    with closing(sqlite3.connect(file)) as base, base:
        base.execute(f"UPDATE commits SET {column} = (SELECT {column} FROM commits WHERE rowid = 3) WHERE rowid = {row}")
    assert read(Kept(file), head, lake) == tuple(lake.history(head))


def test_a_lake_that_tells_nothing_of_a_commit_it_may_stop_at_is_asked_for_all(tmp_path: Path) -> None:
    lake, head = grown(20)
    file = tmp_path / "history.db"
    read(Kept(file), head, lake)
    with closing(sqlite3.connect(file)) as base, base:
        base.execute("UPDATE commits SET digest = '' WHERE id = ?", (head,))
    found = Kept(file).history(head, lambda at, stop_at: iter(()) if stop_at else lake.history(at))
    assert tuple(found) == tuple(lake.history(head))


def test_many_objects_are_read_as_well_as_few(tmp_path: Path) -> None:
    many = {At(f"{number:064x}", "a.json"): b"%d" % number for number in range(1234)}
    Kept(tmp_path / "history.db").keep(many)
    assert Kept(tmp_path / "history.db").objects(list(many)) == many


def test_an_object_comes_back_as_it_was_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    one, two = At("1" * 64, "a.json"), At("2" * 64, "a.json")
    Kept(file).keep({one: b"one", two: b"two"})
    assert Kept(file).objects([one, two, At("3" * 64, "a.json")]) == {one: b"one", two: b"two"}
    with closing(sqlite3.connect(file)) as base, base:
        base.execute("UPDATE objects SET body = X'00' WHERE ref = ?", (one.commit,))
    assert Kept(file).objects([one, two]) == {two: b"two"}


def test_a_state_is_that_of_the_first_commit_that_has_one(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    assert Kept(file, "c0de").kept_state("case", ["1", "2"]) is None
    Kept(file, "c0de").keep_state("case", "1", b"one")
    Kept(file, "c0de").keep_state("case", "2", b"two")
    assert Kept(file, "c0de").kept_state("case", ["3", "2", "1"]) == ("2", b"two")
    assert Kept(file, "c0de").kept_state("case", ["3", "1"]) == ("1", b"one")
    assert Kept(file, "c0de").kept_state("case", ["3"]) is None


def test_a_state_of_something_else_or_of_other_code_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    Kept(file, "old").keep_state("case", "1", b"one")
    assert Kept(file, "new").kept_state("case", ["1"]) is None
    assert Kept(file, "old").kept_state("other", ["1"]) is None
    assert Kept(file, "old").kept_state("case", ["1"]) == ("1", b"one")


def test_who_does_not_know_by_which_code_it_folds_keeps_no_state_and_believes_none(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    Kept(file, "c0de").keep_state("case", "1", b"one")
    unknown = Kept(file, "")
    unknown.keep_state("case", "2", b"two")
    assert unknown.kept_state("case", ["2", "1"]) is None
    with closing(sqlite3.connect(file)) as base:
        assert base.execute("SELECT ref, code FROM states").fetchall() == [("1", "c0de")]


def test_a_state_that_was_meddled_with_gives_way_to_an_older_one(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    for commit in "12":
        Kept(file, "c0de").keep_state("case", commit, commit.encode())
    with closing(sqlite3.connect(file)) as base, base:
        base.execute("UPDATE states SET body = X'31' WHERE ref = '2'")
    assert Kept(file, "c0de").kept_state("case", ["2", "1"]) == ("1", b"1")


def test_a_state_weighs_a_part_of_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    said = b"the same words as in the receipt before; " * 10_000
    Kept(file, "c0de").keep_state("case", "1", said)
    assert Kept(file, "c0de").kept_state("case", ["1"]) == ("1", said)
    assert file.stat().st_size < len(said) / 4


def test_states_of_a_case_do_not_pile_up_and_leave_another_its_own(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    Kept(file, "c0de").keep_state("other", "0", b"theirs")
    for number in range(9):
        Kept(file, "c0de").keep_state("case", str(number), b"ours")
    assert [ref for ref in "0123456789" if Kept(file, "c0de").kept_state("case", [ref])] == ["5", "6", "7", "8"]
    assert Kept(file, "c0de").kept_state("other", ["0"]) == ("0", b"theirs")


def test_states_that_other_code_folded_are_not_kept_beside_its_own(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    for code in ("old", "new"):
        for number in range(9):
            Kept(file, code).keep_state("case", f"{number} by {code}", b"ours")
    with closing(sqlite3.connect(file)) as base:
        assert base.execute("SELECT count(*), min(code), max(code) FROM states").fetchone() == (4, "new", "new")


def test_a_hole_in_what_is_kept_is_all_that_is_asked_for(tmp_path: Path) -> None:
    lake, head = grown(100)
    file = tmp_path / "history.db"
    read(Kept(file), head, lake)
    with closing(sqlite3.connect(file)) as base, base:
        base.execute("DELETE FROM commits WHERE rowid IN (40, 41)")
    lake.told = 0
    assert read(Kept(file), head, lake) == tuple(lake.history(head))
    assert lake.told == 3  # the two, and the one they stand on


def test_what_another_keeps_meanwhile_is_told_all_the_same(tmp_path: Path) -> None:
    lake, head = grown(3)
    file = tmp_path / "history.db"

    def ask(at: str, stop_at: str) -> Iterator[Commit]:
        read(Kept(file), head, lake)
        return lake.ask(at, stop_at)

    assert tuple(Kept(file).history(head, ask)) == tuple(lake.history(head))


def test_of_a_long_history_no_more_is_read_than_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake, head = grown(500)
    file = tmp_path / "history.db"
    read(Kept(file), head, lake)
    seen: list[str] = []
    made = kept._commit
    monkeypatch.setattr(kept, "_commit", lambda name, body: seen.append(name) or made(name, body))
    assert list(islice(Kept(file).history(head, lake.ask), 10)) == list(islice(lake.history(head), 10))
    assert len(seen) < 50


def test_a_file_that_cannot_be_used_is_no_error(tmp_path: Path) -> None:
    lake, head = grown(3)
    (tmp_path / "file").write_text("in the way")
    nowhere = Kept(tmp_path / "file" / "history.db")
    assert read(nowhere, head, lake) == tuple(lake.history(head))
    nowhere.keep({At(head, "a"): b"a"})
    assert Kept(tmp_path / "file" / "history.db").objects([At(head, "a")]) == {}


def test_what_was_kept_of_another_lake_stands_in_nobody_s_way(tmp_path: Path) -> None:
    (other, theirs), (lake, head) = grown(3), grown(0)
    file = tmp_path / "history.db"
    read(Kept(file), theirs, other)
    ours = lake.grow(head, "ours")
    lake.commits["e" * 64] = lake.commits.pop(ours)._replace(id="e" * 64)
    assert read(Kept(file), "e" * 64, lake) == tuple(lake.history("e" * 64))
    with pytest.raises(NotFound, match="ccc"):
        read(Kept(file), "c" * 64, lake)


def test_a_file_that_others_are_writing_is_left_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgettable, "_BUSY_SECONDS", 0.0)
    lake, head = grown(3)
    file = tmp_path / "history.db"
    read(Kept(file), head, lake)
    theirs = file.stat().st_ino
    with closing(sqlite3.connect(file, isolation_level=None)) as base:
        base.execute("BEGIN EXCLUSIVE")
        assert read(Kept(file), head, lake) == tuple(lake.history(head))
        base.execute("COMMIT")
    assert file.stat().st_ino == theirs
    lake.told = 0
    read(Kept(file), head, lake)
    assert lake.told == 0


def test_a_file_that_is_no_database_is_begun_anew(tmp_path: Path) -> None:
    lake, head = grown(3)
    file = tmp_path / "history.db"
    file.write_bytes(b"not a database, " * 100)
    for _ in range(2):
        assert read(Kept(file), head, lake) == tuple(lake.history(head))
    lake.told = 0
    read(Kept(file), head, lake)
    assert lake.told == 0


def test_a_file_that_grew_too_large_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake, head = grown(3)
    file = tmp_path / "history.db"
    monkeypatch.setattr(forgettable, "_LARGEST", 0)
    for _ in range(2):
        assert read(Kept(file), head, lake) == tuple(lake.history(head))
    with closing(sqlite3.connect(file)) as base:
        assert base.execute("SELECT count(*) FROM commits").fetchone() == (4,)
