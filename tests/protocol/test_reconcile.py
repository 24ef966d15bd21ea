"""The registry is a copy of the ledger: what differs in it is told, and put right where it can be."""

import errno
import tempfile
from pathlib import Path
from typing import Any

import pytest

from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.core.errors import MachineFailed, RegistryFailed
from lakeloop.steps.platform import Platform
from lakeloop.steps.promotion import promote
from lakeloop.steps.reconcile import reconcile
from tests.protocol.challengers import booster, challenger
from tests.protocol.promotions import aliases, first, overwrite
from tests.protocol.promotions import p as p  # the fixture
from tests.protocol.world import alerts, run

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import


HANDS: dict[str, tuple[dict[str, int | None], str]] = {
    "moved": ({"champion": 1}, "champion was version 1, the ledger says version 2"),
    "deleted": ({"champion": None}, "champion was nowhere, the ledger says version 2"),
    "swapped": ({"champion": 1, "previous": 2}, "previous was version 2, the ledger says version 1"),
    "made up": ({"challenger": 1}, "challenger was version 1, the ledger says nowhere"),
}


@pytest.mark.parametrize("hand", HANDS)
def test_an_alias_that_somebody_moved_by_hand_is_put_back_and_told(p: Platform, hand: str) -> None:
    first(p)
    promote(p, run("train"), challenger(p, 2))
    moves, words = HANDS[hand]
    for alias, version in moves.items():
        p.registry.point("toy", alias, version)
    moved = aliases(p)
    dry = reconcile(p.lake, p.registry, p.outbox, p.case, dry_run=True)
    assert (words in dry["summary"], aliases(p), alerts(p)) == (True, moved, [])
    done = reconcile(p.lake, p.registry, p.outbox, p.case)
    assert (done["differences"], aliases(p)) == (dry["differences"], {"champion": 2, "previous": 1})
    (alert,) = alerts(p)
    assert (alert.severity, words in alert.body["cause"]) == ("warning", True)
    assert reconcile(p.lake, p.registry, p.outbox, p.case)["nothing_to_do"]
    assert len(alerts(p)) == 1


def test_a_champion_deleted_from_the_registry_is_told_and_nothing_else_is_called_champion(p: Platform, mlflow_uri: str) -> None:
    first(p)
    promote(p, run("train"), challenger(p, 2))
    client = client_of(mlflow_uri)
    client.delete_model_version("toy", "2")
    told = reconcile(p.lake, p.registry, p.outbox, p.case)
    assert told["faults"] == ["version 2, the champion, is not in the registry any more"]
    assert aliases(p) == {"previous": 1}
    (alert,) = alerts(p)
    assert (alert.severity, alert.body["next"]) == ("critical", 'lakeloop models rollback toy --reason "…"')


@pytest.mark.parametrize(("version", "alias", "severity"), [(2, "champion", "critical"), (1, "previous", "warning")])
def test_a_version_whose_file_was_changed_is_told_though_its_tag_was_left_as_it_is(
    p: Platform, mlflow_uri: str, tmp_path: Path, version: int, alias: str, severity: str
) -> None:
    first(p)
    promote(p, run("train"), challenger(p, 2))
    assert reconcile(p.lake, p.registry, p.outbox, p.case)["nothing_to_do"]
    sha256 = p.registry.version("toy", version).sha256
    overwrite(mlflow_uri, version, tmp_path, booster(tmp_path, 7).read_bytes())
    words = f"version {version}, the {alias}, was promoted as {sha256[:12]}, and its file in the registry is another one"
    assert reconcile(p.lake, p.registry, p.outbox, p.case)["faults"] == [words]
    (alert,) = alerts(p)
    assert (alert.severity, alert.body["cause"]) == (severity, words)


def test_a_registry_that_gives_no_file_is_no_lost_champion_and_aliases_are_put_right_before(
    p: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> str:
        message = "reading version 1 timed out"
        raise RegistryFailed(message)

    first(p)
    p.registry.point("toy", "champion", None)
    monkeypatch.setattr(p.registry, "download", slow)
    with pytest.raises(RegistryFailed, match="timed out"):
        reconcile(p.lake, p.registry, p.outbox, p.case)
    assert aliases(p) == {"champion": 1}
    assert [alert.severity for alert in alerts(p)] == ["warning"], "of the alias, and no word of a rollback"


def test_a_look_without_room_for_a_file_is_the_machines_fault(p: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    first(p)
    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    with pytest.raises(MachineFailed, match="no room to look at version 1 of toy: .*No space left"):
        reconcile(p.lake, p.registry, p.outbox, p.case)


def test_a_promotion_while_a_file_is_looked_at_is_not_taken_back(p: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    first(p)
    gated, fetch = challenger(p, 2), p.registry.download
    p.registry.point("toy", "champion", None)

    def then_promoted(*given: Any) -> str:
        monkeypatch.undo()
        promote(p, run("train"), gated)
        return fetch(*given)

    monkeypatch.setattr(p.registry, "download", then_promoted)
    reconcile(p.lake, p.registry, p.outbox, p.case)
    assert aliases(p) == {"champion": 2, "previous": 1}


def test_nobody_is_blamed_for_aliases_that_a_promotion_has_not_copied_yet(p: Platform, meanwhile: dict[str, object]) -> None:
    first(p)
    gated, told = challenger(p, 2), []
    meanwhile["promote.merged"] = lambda: told.append(reconcile(p.lake, p.registry, p.outbox, p.case))
    promote(p, run("train"), gated)
    assert told[0]["differences"] == [
        "champion was version 1, the ledger says version 2", "previous was nowhere, the ledger says version 1",
    ]  # fmt: skip
    assert (aliases(p), alerts(p)) == ({"champion": 2, "previous": 1}, [])
    p.registry.point("toy", "champion", 1)
    reconcile(p.lake, p.registry, p.outbox, p.case)
    assert [alert.severity for alert in alerts(p)] == ["warning"], "a hand is told of again"


def test_a_promotion_in_the_middle_of_a_look_is_not_taken_back(p: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    first(p)
    gated, look = challenger(p, 2), p.registry.aliases

    def then_promoted(model: str) -> dict[str, int]:
        found = look(model)
        monkeypatch.undo()
        promote(p, run("train"), gated)
        return found

    monkeypatch.setattr(p.registry, "aliases", then_promoted)
    reconcile(p.lake, p.registry, p.outbox, p.case)
    assert (aliases(p), alerts(p)) == ({"champion": 2, "previous": 1}, [])


def test_a_lost_previous_is_a_warning_and_no_rollback_to_it_is_advised(p: Platform, mlflow_uri: str) -> None:
    first(p)
    promote(p, run("train"), challenger(p, 2))
    client_of(mlflow_uri).delete_model_version("toy", "1")
    reconcile(p.lake, p.registry, p.outbox, p.case)
    (alert,) = alerts(p)
    assert (alert.severity, "lakeloop models rollback toy --to … " in alert.body["next"]) == ("warning", True)


def test_a_case_that_nobody_trained_has_nothing_to_reconcile(p: Platform) -> None:
    assert reconcile(p.lake, p.registry, p.outbox, p.case)["nothing_to_do"]
