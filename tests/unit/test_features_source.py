"""What a change of contract touches is looked for wherever the features are written, and nothing is imported for it."""

import subprocess
import sys
from pathlib import Path

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


FILES = {
    "__init__.py": "",
    "features.py": "from shop_of_tests import lib\nimport shop_of_tests.broken\nfrom ..... import beyond\n",
    "lib/__init__.py": "from .deep import clean\nin_a_package = 1\n",
    "lib/deep.py": "from ..beside import more\nfrom . import near\nfrom .beside import none\nin_a_sub_folder = 1\n",
    "lib/near.py": "by_its_own_package = 1\n",
    "beside.py": "beside_the_features = 1\n",
    "broken.py": "def (:  # in_what_cannot_be_parsed\n",
    "apart.py": "by_nothing = 1\n",
}


@pytest.mark.parametrize(
    ("column", "is_read"),
    [
        ("in_a_package", True), ("in_a_sub_folder", True), ("by_its_own_package", True), ("beside_the_features", True),
        ("in_what_cannot_be_parsed", True), ("by_nothing", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("features", ["features.py", "features/__init__.py"])
def test_imports_are_followed_from_each_file_s_own_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, features: str, column: str, is_read: bool
) -> None:
    for name, text in FILES.items():
        path = tmp_path / "shop_of_tests" / (features if name == "features.py" else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("shop_of_tests")]:
        monkeypatch.delitem(sys.modules, name)
    case = FLIGHTS.model_copy(update={"features": "shop_of_tests.features:features"})
    change = ContractChange(table="outcomes", column=column, kind="breaking", what="")
    assert ("features shop_of_tests.features:features" in touched_by(case, Ledger("head"), change)) == is_read


def test_to_look_brings_no_spark() -> None:
    looked = (
        "import sys; from lakeloop.steps.contract import touched_by; from use_cases.flights import FLIGHTS;"
        "from lakeloop.core.ledger import Ledger; from lakeloop.core.contract_change import ContractChange;"
        "touched_by(FLIGHTS, Ledger('head'), ContractChange(table='outcomes', column='dest', kind='breaking', what=''));"
        "sys.exit('pyspark' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", looked], check=False, timeout=60).returncode == 0
