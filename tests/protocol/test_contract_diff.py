"""`lakeloop contract diff`: what the code's contracts change against the lake's, said before an ingest would say it."""

import hashlib
import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner, Result
from use_cases.tiny import TINY

from lakeloop.cli.main import app
from lakeloop.core.contract import Column
from lakeloop.core.contract_change import CONTRACT, ContractBook
from lakeloop.core.lake import evidence_path
from lakeloop.core.receipts import DataReceipt
from lakeloop.core.use_case import UseCase
from lakeloop.gate import gate_version
from lakeloop.steps.publish import Work, publish, seal
from tests.protocol.world import Address, found, run


@pytest.fixture
def diff(address: Address, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Runs the command with another contract of forecasts in the code than the one main was written under."""
    p = found(address)
    head, branch = p.lake.head("main"), run("ingest").branch("tiny")
    p.lake.create_branch(branch, head)
    receipt = DataReceipt(
        run_key=hashlib.sha256(b"tiny").hexdigest(), case="tiny", stage="ingest", base_commit=head, audited_commit=head,
        gate_version=gate_version(), code_version="c0de", actor="test", run_id="t", created_at=datetime.now(UTC),
        contract_version=TINY.contract_version(), published=(),
    )  # fmt: skip
    book = ContractBook(tables=TINY.tables).model_dump_json(exclude_defaults=True)
    p.lake.put(branch, evidence_path(receipt.run_key, CONTRACT), book.encode())
    seal(p.lake, branch, receipt)
    publish(p.lake, p.tables, p.lease, Work(branch, receipt, lambda _: None))

    def ask(case: UseCase, *arguments: str) -> Result:
        monkeypatch.setattr("use_cases.tiny.TINY", case)
        at = {
            "LAKELOOP_LAKEFS_ENDPOINT": address.endpoint, "LAKELOOP_LAKEFS_ACCESS_KEY_ID": address.key,
            "LAKELOOP_LAKEFS_SECRET_ACCESS_KEY": address.secret, "LAKELOOP_REPOSITORY": address.repository,
            "LAKELOOP_HOME": str(address.folder), "COLUMNS": "250",
        }  # fmt: skip
        return CliRunner().invoke(app, ["contract", "diff", "tiny", *arguments], env=at)

    return ask


def changed(version: int, *columns: Column) -> UseCase:
    forecasts, sales = TINY.tables
    return TINY.model_copy(update={"tables": (forecasts.model_copy(update={"columns": columns, "version": version}), sales)})


def test_equal_contracts_are_one_sentence_and_exit_code_0(diff) -> None:  # type: ignore[no-untyped-def]
    done = diff(TINY)
    assert (done.exit_code, "are those main was written under" in done.output) == (0, True), done.output


def test_each_change_has_its_class_what_it_touches_and_what_will_happen(diff) -> None:  # type: ignore[no-untyped-def]
    shop, _celsius, visitors, opens = TINY.tables[0].columns
    case = changed(2, shop, visitors.model_copy(update={"maximum": 9}), opens, Column(name="wind", type="double"))
    done = diff(case, "--json")
    assert done.exit_code == 1
    rows = {row["column"]: row for row in json.loads(done.stdout)}
    assert {name: row["kind"] for name, row in rows.items()} == {
        "celsius": "breaking",
        "visitors": "stricter",
        "wind": "additive",
    }
    assert rows["celsius"]["touches"] == "feature celsius, features use_cases.tiny.features:shop_features, view tiny_forecasts"
    assert "refused: version 2 does not declare it" in rows["celsius"]["happens"]
    assert "older dates read as null" in rows["wind"]["happens"]
    assert "breaking" in diff(case).stdout
    additive = changed(2, *TINY.tables[0].columns, Column(name="wind", type="double"))
    assert diff(additive).exit_code == 0
