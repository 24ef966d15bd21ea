"""Which columns speak of a person by their names, which do not, and what of a case may not build on one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.gate_policy import BeatsBaseline
from lakeloop.core.personal import shielded, spoken_of
from lakeloop.core.use_case import DriftPolicy, Label, Lookback, Members, Settlement, UseCase
from use_cases.flights import FLIGHTS

SPEAKING = (
    "email", "work_email", "e_mail", "mobile", "customer_phone_no", "first_name", "lastname", "passenger_name", "dob",
    "birth_date", "ssn", "passport_number", "iban", "card_number", "home_address", "zip", "client_ip", "ip_address",
)  # fmt: skip
SILENT = (
    "name",
    "airport_name",
    "origin",
    "tailnum",
    "ship",
    "trip",
    "telemetry",
    "scorecard",
    "zipped",
    "model_name",
    "phonetic",
    "streets",
)


@pytest.mark.parametrize("name", SPEAKING)
def test_a_name_that_speaks_of_a_person_is_heard_unless_somebody_said_what_it_is(name: str) -> None:
    assert spoken_of(Column(name=name, type="string"))
    assert not spoken_of(Column(name=name, type="string", not_personal="of the company"))
    assert not spoken_of(Column(name=name, type="string", personal=True))
    assert not spoken_of(Column(name=name, type="bool"))


@pytest.mark.parametrize("name", SILENT)
def test_other_names_are_let_be(name: str) -> None:
    assert not spoken_of(Column(name=name, type="string"))


def test_no_column_of_the_flights_speaks_of_a_person() -> None:
    assert [shielded(table) for table in FLIGHTS.tables] == list(FLIGHTS.tables)


PEOPLE = TableContract(
    name="people",
    columns=(Column(name="id", type="string"), Column(name="born", type="date", personal=True)),
    key=("id",),
)


@pytest.mark.parametrize(
    ("asked", "user"),
    [
        ({"entity": ("id", "born")}, "the entity"),
        ({"feature_names": ("born",)}, "feature born"),
        ({"label": Label(table="people", expression="year(born) < 1990")}, "label label"),
        ({"gates": (BeatsBaseline(name="g", metric="auc", baseline="born"),)}, "gate g"),
        ({"drift": DriftPolicy(members=(Members(table="people", column="born"),))}, "members of born"),
        (
            {
                "drift": DriftPolicy(
                    settlements=(Settlement(name="s", table="people", later="x", on=("id",), error="born", bound=0, hint=""),)
                )
            },
            "settlement s",
        ),
    ],
)
def test_nothing_of_a_case_builds_on_a_personal_column(asked: dict[str, object], user: str) -> None:
    fields: dict[str, object] = {
        "name": "c", "tables": (PEOPLE,), "features": "m:f", "feature_names": ("x",), "entity": ("id",),
        "reads": (Lookback(table="people", first=0, last=0),), "label": Label(table="people", expression="1"),
    }  # fmt: skip
    with pytest.raises(ValidationError, match=rf"c: people.born is personal and masked .*, so {user} cannot build"):
        UseCase(**fields | asked)  # type: ignore[arg-type]
