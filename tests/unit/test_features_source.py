"""What a change of contract touches is looked for wherever the features are written, and nothing is imported for it."""

import subprocess
import sys

import pytest

from lakeloop.core.contract_change import ContractChange
from lakeloop.core.ledger import Ledger
from lakeloop.steps.contract import touched_by
from use_cases.flights import FLIGHTS

FEATURES = "features use_cases.flights.features:flight_features"


@pytest.mark.parametrize(
    ("column", "is_read"),
    [("temp", True), ("dest", True), ("arr_delay", True), ("dep_time", False)],
    ids=["by the module itself", "by one that it imports", "there by a constant", "by none"],
)
def test_a_column_is_found_where_the_features_read_it(column: str, is_read: bool) -> None:
    change = ContractChange(table="outcomes", column=column, kind="breaking", what="")
    assert (FEATURES in touched_by(FLIGHTS, Ledger("head"), change)) == is_read


def test_to_look_brings_no_spark() -> None:
    looked = (
        "import sys; from lakeloop.steps.contract import touched_by; from use_cases.flights import FLIGHTS;"
        "from lakeloop.core.ledger import Ledger; from lakeloop.core.contract_change import ContractChange;"
        "touched_by(FLIGHTS, Ledger('head'), ContractChange(table='outcomes', column='dest', kind='breaking', what=''));"
        "sys.exit('pyspark' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", looked], check=False, timeout=60).returncode == 0
