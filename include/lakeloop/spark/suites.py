"""Great Expectations judges profiles: its own suites, one validation a table, the failing dates read from its indexes."""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from lakeloop.core.contract import Severity, TableContract
from lakeloop.core.errors import ConfigurationError
from lakeloop.core.reports import Check
from lakeloop.spark.profiles import Profile

_BETWEEN = "expect_column_values_to_be_between"
_DATE = "data_date"
_SEVERITIES = ", ".join(get_args(Severity))


def load_suite(root: Path, case: str, contract: TableContract) -> dict[str, Any]:
    """The table's suite with what the contract itself asks; refused when it leaves out volume or completeness."""
    path = root / case / f"{contract.name}.json"
    name = f"expectations/{case}/{path.name}"
    try:
        suite: dict[str, Any] = json.loads(path.read_text("utf-8"))
        asked = {str(each["kwargs"].get("column", "")) for each in suite["expectations"]}
        unknown = {str(each.get("severity", "critical")) for each in suite["expectations"]} - set(get_args(Severity))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{name} is no suite ({error}); the run is refused, nothing was published"
        raise ConfigurationError(message) from error
    if unknown:
        message = f"{name} has severity {sorted(unknown)[0]}; the run is refused, nothing was published; there are {_SEVERITIES}"
        raise ConfigurationError(message)
    lacking = [word for word in ("row_count", "completeness__") if not any(column.startswith(word) for column in asked)]
    if lacking:
        message = f"{name} has no expectation on {' nor on '.join(lacking)}; the run is refused, nothing was published; add one"
        raise ConfigurationError(message)
    return suite | {"name": suite.get("name") or name, "expectations": [*suite["expectations"], *_of_contract(contract)]}


def judge(suite: Mapping[str, Any], profiles: Sequence[Profile]) -> dict[date, list[Check]]:
    """Every expectation on every date for itself; ConfigurationError names an expectation that cannot be asked."""
    verdicts: dict[date, list[Check]] = {profile.data_date: [] for profile in profiles}
    for result in _validated(suite, profiles):
        config = result.expectation_config
        if result.exception_info.get("raised_exception", True):
            what = f"{config.type} on {config.kwargs.get('column')!r}"
            message = f"suite {suite['name']}: {what} cannot be judged; nothing was published; correct the suite"
            raise ConfigurationError(message)
        for profile in profiles:
            verdicts[profile.data_date].append(_check(result, profile))
    return verdicts


def expectations() -> Any:
    """Great Expectations: seconds to import, which only the task that audits pays; its 200 lines are for who asks for them."""
    log = logging.getLogger("great_expectations")
    if log.level == logging.NOTSET:
        log.setLevel(logging.WARNING)
    return import_module("great_expectations")


def _of_contract(contract: TableContract) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = [
        {"column": "quarantine_share", "max_value": contract.quarantine_limit},
        {"column": "own_share", "min_value": 1},  # rows of another run under this date were never written by this one
        {"column": "rule_breaches", "max_value": 0},  # were quarantine ever to let a bad row through, this would see it
        {"column": "key_repeats", "max_value": 0},
        {"column": "cells_lost", "max_value": 0},
        {"column": "rows_unaccounted", "min_value": 0, "max_value": 0},
    ]
    asked += [{"column": f"quarantine_share__{reason}", "max_value": most} for reason, most in contract.quarantine_limits.items()]
    if contract.expected:
        asked.append({"column": "key_coverage", "min_value": contract.expected.floor})
    return [{"type": _BETWEEN, "kwargs": kwargs} for kwargs in asked]


def _validated(suite: Mapping[str, Any], profiles: Sequence[Profile]) -> list[Any]:
    import pandas as pd

    gx = expectations()
    frame = pd.DataFrame([profile.values for profile in profiles], dtype="float64")
    frame.insert(0, _DATE, [profile.data_date.isoformat() for profile in profiles])
    batch = _batches().get_batch({"dataframe": frame})
    asked = gx.ExpectationSuite(name=suite["name"], expectations=list(suite["expectations"]), meta=suite.get("meta"))
    wanted = {"result_format": "COMPLETE", "unexpected_index_column_names": [_DATE]}
    if len(profiles) == 1:
        wanted = {"result_format": "BOOLEAN_ONLY"}  # half the time, and there is no other date to be told from
    return list(batch.validate(asked, result_format=wanted).results)


@cache
def _batches() -> Any:
    """What makes batches of data frames, in one ephemeral context for all tables."""
    gx = expectations()
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("profiles").add_dataframe_asset("profiles")
    return asset.add_batch_definition_whole_dataframe("all")


def _check(result: Any, profile: Profile) -> Check:
    config = result.expectation_config
    column = str(config.kwargs.get("column", ""))
    observed = profile.values.get(column)
    unexpected = result.result.get("unexpected_index_list")
    if unexpected is None:  # of the whole column, of the only date, or with nothing unexpected: it holds for every date alike
        passed = bool(result.success)
    else:
        passed = profile.data_date.isoformat() not in {row[_DATE] for row in unexpected}
    words = _words(config.type, config.kwargs)
    if column == "key_coverage":
        words = f"{words} {profile.expected_keys}"
    elif observed is None and config.type == _BETWEEN:
        words = f"{words} (not judged: there is no value)"
    seen = None if observed is None else round(observed, 6)
    severity = config.severity.value
    return Check(name=column or config.type, observed=seen, expected=words, passed=passed, severity=severity)


def _words(kind: str, kwargs: Mapping[str, Any]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if kind != _BETWEEN:
        rest = {name: value for name, value in kwargs.items() if name not in {"column", "batch_id"}}
        return f"{kind.removeprefix('expect_').replace('_', ' ')} {json.dumps(rest, default=str) if rest else ''}".strip()
    if low is not None and high is not None:
        return f"between {low:g} and {high:g}" if low != high else f"exactly {low:g}"
    return f"at least {low:g}" if low is not None else f"at most {high:g}"
