"""The question before a promotion, through the real Airflow: nobody answers, somebody else answers, a no, a yes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeloop import wiring
from lakeloop.adapters.mlflow_server import MlflowRegistry
from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.core.errors import OrchestratorFailed
from lakeloop.settings import REPO_ROOT, Settings
from lakeloop.stack import guard
from lakeloop.stack.lifecycle import Lifecycle
from lakeloop.story.stage import APPROVE
from tests.integration.conftest import HISTORY
from tests.integration.nights import CASE, Nights, until

pytestmark = [pytest.mark.more, pytest.mark.stack, pytest.mark.timeout(2400)]
DEADLINE_HOURS = 0.03  # long enough to answer by hand, short enough to be waited for


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This code, in which the flights case waits for an answer for less than two minutes."""
    root = tmp_path_factory.mktemp("checkout")
    for folder in ("include", "plugins", "dags", "spark_jobs", "expectations"):
        shutil.copytree(REPO_ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPO_ROOT / "requirements.lock", root)
    case = root / "include" / "use_cases" / CASE / "__init__.py"
    said = 'approvers=("approver",),'
    assert said in case.read_text()
    case.write_text(case.read_text().replace(said, f"{said} approval_hours={DEADLINE_HOURS},"))
    return root


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Iterator[Nights]:
    """A stack of that code with a history taken in, and no model yet."""
    home = tmp_path_factory.mktemp("approval") / "home"
    lifecycle = Lifecycle(Settings(home=home, tied_to=os.getpid()), wiring.bootstrap_lake)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LAKELOOP_REPO_ROOT", str(checkout))
            settings = lifecycle.up()
        nights = Nights(settings, after=HISTORY[1])
        nights.feed.deliver(nights=HISTORY)
        assert nights.stage.trigger("ingest", HISTORY).state == "success"
        yield nights
    finally:
        lifecycle.down()
    assert guard.strays(lifecycle.root.mark) == []


@pytest.fixture
def registry(nights: Nights) -> MlflowRegistry:
    return MlflowRegistry(nights.stage.settings.mlflow_tracking_uri)


def asked(nights: Nights, run: str) -> None:
    question = until(lambda: nights.stage.question(run), bool, "the run asks")
    assert question["subject"] == "Promote flights version 1?"
    assert "| ranks_better_than_carrier_rate | pass |" in question["body"]


def refused(nights: Nights, run: str) -> str:
    """The last words of a run that ended without a promotion."""
    assert nights.airflow.wait(f"{CASE}__train", run, 600) == "failed"
    assert nights.task("train", run, "promote").state == "upstream_failed"
    assert nights.stage.ledger().champion is None
    (words,) = nights.failed("train", run)
    return words


def test_no_answer_is_a_no_and_is_told(nights: Nights, registry: MlflowRegistry) -> None:
    run = nights.start("train")
    asked(nights, run)
    words = refused(nights, run)
    assert "had no answer of approver within 0.03 hours; the champion is unchanged" in words
    assert registry.version(CASE, 1).tags["approval"] == "lapsed"
    titles = [each.title for each in PlatformDb(nights.stage.settings.platform_db_url).outbox.all()]
    assert {"flights: version 1 waits for an approval", "flights: nobody answered for version 1"} <= set(titles)


def test_only_a_named_user_may_answer_and_a_no_stands_on_the_version_with_its_reason(
    nights: Nights, registry: MlflowRegistry
) -> None:
    run = nights.start("train")
    asked(nights, run)
    with pytest.raises(OrchestratorFailed, match="403.*not a respondent"):
        nights.airflow.answer(f"{CASE}__train", run, APPROVE, "Approve", reason="I am the admin")
    nights.stage.answer_when_asked(run, "Reject", "too few days")
    assert "version 1 was rejected by approver: too few days; the champion is unchanged" in refused(nights, run)
    tags = registry.version(CASE, 1).tags
    assert (tags["approval"], tags["approval_by"], tags["approval_why"]) == ("rejected", "approver", "too few days")
    assert registry.aliases(CASE) == {}


def test_a_yes_promotes_and_its_name_and_reason_stand_on_the_receipt(nights: Nights, registry: MlflowRegistry) -> None:
    run = nights.start("train")
    nights.succeeds("train", run)
    champion = nights.stage.ledger().champion
    assert (champion.model_version, champion.approved_by) == (1, "approver")
    assert champion.approved_why
    assert registry.aliases(CASE) == {"champion": 1}
    assert registry.version(CASE, 1).tags["approval"] == "approved"
    with pytest.raises(OrchestratorFailed, match="409"):
        nights.stage.approver.answer(f"{CASE}__train", run, APPROVE, "Reject", reason="too late")
    assert nights.attests()
