"""A contract's limits on quarantine are checks of its audit, in all and by the family of the first reason."""

from __future__ import annotations

from datetime import date

import pytest
from use_cases.tiny import TINY

from lakeloop.core.reports import Fingerprint
from lakeloop.settings import REPO_ROOT
from lakeloop.spark.profiles import Profile
from lakeloop.spark.suites import judge, load_suite

SUITES = REPO_ROOT / "tests" / "use_cases" / "tiny" / "expectations"
DAY = date(2024, 5, 1)


@pytest.mark.parametrize(("ranges", "types", "failed"), [
    (0.1, 0.2, set()), (0.11, 0.2, {"quarantine_share__range"}), (0.0, 0.3, {"quarantine_share__type"}),
])  # fmt: skip
def test_each_family_may_have_a_limit_of_its_own(ranges: float, types: float, failed: set[str]) -> None:
    contract = TINY.table("sales").model_copy(update={"quarantine_limits": {"range": 0.1, "type": 0.25}, "quarantine_limit": 0.5})
    suite = load_suite(SUITES, "tiny", contract)
    values: dict[str, float | None] = {one["kwargs"]["column"]: None for one in suite["expectations"]}
    seen = {"quarantine_share": ranges + types, "quarantine_share__range": ranges, "quarantine_share__type": types}
    profile = Profile(DAY, values | seen, Fingerprint(rows=3, hash="0" * 32), "of 3 keys")
    assert {check.name for check in judge(suite, [profile])[DAY] if not check.passed} == failed
