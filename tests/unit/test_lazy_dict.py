"""A dict whose values are read when they are asked for gives, keeps and compares them as a dict does."""

from __future__ import annotations

import pytest

from lakeloop.core.lazy_dict import LazyDict


def counted(seen: list[bytes], **stored: bytes) -> LazyDict[str, int]:
    """Numbers that are stored as text; what is read of them is noted."""

    def read(body: bytes) -> int:
        seen.append(body)
        return int(body)

    return LazyDict(stored, read)


def test_a_value_is_read_when_it_is_asked_for_and_once() -> None:
    seen: list[bytes] = []
    held = counted(seen, a=b"1", b=b"2", c=b"3")
    assert ("a" in held, "z" in held, len(held), list(held), list(reversed(held))) == (True, False, 3, [*"abc"], [*"cba"])
    assert seen == []
    assert (held["b"], held.get("b"), held.get("z")) == (2, 2, None)
    assert seen == [b"2"]
    assert dict(held.items()) == {"a": 1, "b": 2, "c": 3} == held
    assert sorted(seen) == [b"1", b"2", b"3"]


def test_a_value_that_somebody_else_asks_for_meanwhile_is_given_as_it_was_read() -> None:
    class Shared(str):
        """A key for whose value another thread asks as well, whenever one that asks looks for it again."""

        looks = 0

        def __hash__(self) -> int:
            self.looks += 1
            if self.looks > 1:
                assert held["a"] == 1
            return super().__hash__()

    held = counted([], a=b"1")
    assert held[Shared("a")] == 1


def test_stored_values_without_a_reader_are_not_given_as_they_are_stored() -> None:
    with pytest.raises(TypeError):
        LazyDict({"a": b"1"})["a"]  # type: ignore[call-overload]


def test_what_is_set_or_taken_away_is_not_read() -> None:
    seen: list[bytes] = []
    held = counted(seen, a=b"1", b=b"2")
    held["a"] = 7
    del held["b"]
    held.setdefault("c", 9)
    assert (dict(held), seen) == ({"a": 7, "c": 9}, [])
    with pytest.raises(KeyError):
        held["b"]


def test_it_is_stored_as_it_was_where_nobody_asked_for_it_and_as_it_became_where_somebody_did() -> None:
    seen: list[bytes] = []
    held: LazyDict[str, list[int]] = LazyDict({"a": b"01", "b": b"02"}, lambda body: seen.append(body) or [int(body)])
    held["b"].append(5)
    held["c"] = [6]
    assert list(held.stored(lambda value: b"%r" % value)) == [("a", b"01"), ("b", b"[2, 5]"), ("c", b"[6]")]
    assert seen == [b"02"]
