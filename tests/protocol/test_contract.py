"""The contract that rows were written under is kept with their receipt, and what breaks it is refused before a row is written."""

from datetime import timedelta

import pytest

from lakeloop.core.contract import Column
from lakeloop.core.contract_change import CONTRACT, ContractBook
from lakeloop.core.errors import ConfigurationError
from lakeloop.core.lake import evidence_path
from tests.protocol.world import DAY_ONE, Address, assert_whole, changed, clean_rows, crowned, deliver, found, ingest_all

D1, D2, D3 = (DAY_ONE + timedelta(days=n) for n in range(3))
A = {1: 1.0, 2: 2.0}


def test_every_data_receipt_keeps_the_contract_it_was_written_under(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    deliver(address, D2, {1: 1.0})  # refused by its audit: the rest is written once more, on another branch
    done = ingest_all(p)
    assert (done["published"], done["refused"]) == (1, 1)
    book = ContractBook.model_validate_json(p.lake.get("main", evidence_path(done["run_key"], CONTRACT)))
    assert book.tables == p.case.tables
    assert_whole(p)


def test_a_change_without_a_new_version_is_refused_before_a_row_is_written(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    ingest_all(p)
    deliver(address, D2, A)
    key, value = p.case.table("readings").columns
    bounded = (key, value.model_copy(update={"minimum": -1e6}))
    with pytest.raises(
        ConfigurationError, match="value: minimum none becomes -1000000.0: .* count it up to 2; nothing was written"
    ):
        ingest_all(changed(p, columns=bounded))
    assert clean_rows(p) == {D1: A}
    done = ingest_all(changed(p, columns=bounded, version=2))
    assert (done["published"], clean_rows(p)) == (1, {D1: A, D2: A})
    assert_whole(p)


def test_a_breaking_change_names_what_it_would_break_and_goes_through_once_declared(address: Address) -> None:
    p = crowned(address, D1, A)
    deliver(address, D2, A)
    keys = ("id", "value")
    touched = "key .* .touches features tests.protocol.toy:features, label label, champion toy 1.*, view toy_readings"
    with pytest.raises(ConfigurationError, match=touched):
        ingest_all(changed(p, key=keys, version=2))
    assert ingest_all(changed(p, key=keys, version=2, breaks="two sensors share an id"))["published"] == 1
    assert_whole(p)


@pytest.mark.parametrize("kind", ["double", "string"])
def test_a_column_that_was_taken_down_comes_back_as_what_it_was_or_not_at_all(address: Address, kind: str) -> None:
    p = found(address)
    bare = p.case.table("readings").columns
    gust = Column(name="gust", type="double", may_be_absent=True)
    for day, columns, version, breaks in ((D1, (*bare, gust), 1, ""), (D2, bare, 2, "the sensor was taken down")):
        deliver(address, day, A)
        ingest_all(changed(p, columns=columns, version=version, breaks=breaks))
    again = changed(p, columns=(*bare, gust.model_copy(update={"type": kind})), version=3)
    deliver(address, D3, A)
    if kind == "double":
        assert ingest_all(again)["published"] == 1
        return
    with pytest.raises(ConfigurationError, match="gust: type double of version 1 becomes string .* a new name; nothing was"):
        ingest_all(again)
    assert set(clean_rows(p)) == {D1, D2}


def test_a_contract_that_none_may_state_any_more_is_still_what_was_written_under(address: Address) -> None:
    p = found(address)
    key, value = p.case.table("readings").columns
    odd = value.model_copy(update={"minimum": 2e6, "maximum": -2e6, "allowed": ("1",)})
    deliver(address, D1, A)
    ingest_all(changed(p, columns=(key, odd), quarantine_limit=5))
    deliver(address, D2, A)
    with pytest.raises(ConfigurationError, match="value: minimum 2000000.0 becomes none: .* count it up to 2"):
        ingest_all(p)
    assert ingest_all(changed(p, version=2))["published"] == 1
