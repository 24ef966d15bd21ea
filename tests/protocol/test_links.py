"""After a whole loop every link of every task leads to something that is there, and every verdict to its page."""

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from pydantic import TypeAdapter

from lakeloop.core.attestation import metadata
from lakeloop.core.errors import GateViolation, LakeError
from lakeloop.core.lake import MAIN, evidence_path, receipt_path
from lakeloop.core.lineage import of_commit
from lakeloop.core.receipts import RECEIPT, ActReceipt, ScoresReceipt
from lakeloop.steps import act, ingest, ingest_publish, score, watch
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, publish, seal
from lakeloop.steps.signing import about
from lakeloop_airflow import lineage
from lakeloop_airflow.inbox.lake_pages import LakePages
from lakeloop_airflow.links import LINKS, remember
from tests.protocol.delta_runner import FAULT, SCORES
from tests.protocol.world import (
    DAY_ONE,
    Address,
    _table,
    assert_whole,
    crown,
    deliver,
    found,
    ingest_all,
    run,
    score_all,
)

D1, D2, D3 = (DAY_ONE + timedelta(days=n) for n in range(3))
A, BAD = {1: 1.0, 2: 2.0}, {1: FAULT, 2: 2.0}
Answers = dict[str, dict[str, Any]]


def loop(p: Platform) -> Answers:
    """One night of every DAG but training: the answers of its tasks."""
    answers: Answers = {}
    this = run("ingest")
    answers["intake"] = ingest.intake(p, this)
    answers["write"] = ingest.write(p, this, answers["intake"])
    answers["audit"] = ingest_publish.audit(p, this, answers["write"])
    answers["publish"] = ingest_publish.publish_units(p, this, answers["audit"])
    answers["score"] = score.score(p, run("score"))
    answers["audit_scores"] = score.audit(p, run("score"), answers["score"])
    answers["judge"] = watch.judge_dates(p, run("watch"))
    answers["act"] = act.act(p, run("watch"), answers["judge"])
    return answers


def linked(answer: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name, ref and path of every link that Airflow shows for an answer."""
    task = SimpleNamespace()
    remember(task, answer)
    for link in LINKS:
        address = unquote(link.get_link(task, ti_key=None).partition("/lake/")[2])
        if address:
            yield link.name, *address.split("/", 1)  # type: ignore[misc]


def dead(p: Platform, answers: Answers) -> list[tuple[str, str, int]]:
    """The links that do not answer 200."""
    pages = LakePages(lambda: p.lake)
    asked = [(task, name, pages.answer(ref, path)) for task, answer in answers.items() for name, ref, path in linked(answer)]
    return [(task, name, answer.status_code) for task, name, answer in asked if answer.status_code != 200]


@pytest.fixture
def p(address: Address) -> Platform:
    """A world with a champion and a first day."""
    world = found(address)
    deliver(address, D1, A)
    ingest_all(world)
    crown(world)
    return world


def names(answers: Answers, task: str) -> list[str]:
    return [name for name, _, _ in linked(answers[task])]


def test_links_live_on_after_scores_were_published_and_their_branches_dropped(p: Platform, address: Address) -> None:
    deliver(address, D2, A)
    deliver(address, D3, A)
    answers = loop(p)
    assert answers["act"]["published"] == 2
    assert [one.name for stage in ("ingest", "score", "watch") for one in p.lake.branches(f"run-toy-{stage}-")] == []
    assert dead(p, answers) == []
    assert names(answers, "audit_scores") == ["lakeFS branch", "Receipt", "Audit page"]
    assert names(answers, "judge") == ["lakeFS branch", "Audit page"]
    assert names(answers, "act") == ["Receipt", "Audit page"]
    assert_whole(p)


def test_links_live_on_after_data_was_withdrawn(p: Platform, address: Address) -> None:
    deliver(address, D2, A)
    deliver(address, D3, BAD)
    answers = loop(p)
    assert (answers["act"]["published"], answers["act"]["withdrawn"]) == (1, 1)
    assert [one.name for stage in ("ingest", "score", "watch") for one in p.lake.branches(f"run-toy-{stage}-")] == []
    assert dead(p, answers) == []
    assert_whole(p)


class Collected:
    """What Airflow's collector is handed: paths, with the rows that are known."""

    def __init__(self) -> None:
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

    def add_input_asset(self, _source: Any, uri: str, asset_extra: dict[str, Any]) -> None:
        self.inputs[uri] = asset_extra["rows"]

    def add_output_asset(self, _source: Any, uri: str, asset_extra: dict[str, Any]) -> None:
        self.outputs[uri] = asset_extra["rows"]


def told(p: Platform, merges: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Collected:
    collected = Collected()
    monkeypatch.setattr(lineage, "get_hook_lineage_collector", lambda: collected)
    lineage.report(p.lake, p.case, merges)
    return collected


def test_airflow_is_told_of_an_act_and_of_a_withdrawal_what_the_command_shows(
    p: Platform, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(address, D2, A)
    deliver(address, D3, BAD)
    merges, tables = loop(p)["act"]["merges"], []
    for key, commit in merges.items():
        collected, shown = told(p, {key: commit}, monkeypatch), of_commit(read_ledger(p.lake, p.case.name), key)
        for way, side in (("from", collected.inputs), ("to", collected.outputs)):
            assert set(side) == {f"lakefs://{p.lake.repository}/{one.commit}/{one.what}" for one in shown if one.way == way}
        tables.append([uri.partition(commit)[2] for uri in collected.outputs])
    assert tables == [
        ["/scores/toy", "/watch/toy/profiles", "/watch/toy/verdicts"],
        ["/clean/toy/readings", "/watch/toy/verdicts"],
    ]


def test_airflow_is_told_which_version_a_withdrawal_goes_back_to(
    p: Platform, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(address, D2, A)
    first = loop(p)["publish"]["commit"]
    deliver(address, D2, BAD, later=1)
    done = loop(p)["act"]
    collected = told(p, done["merges"], monkeypatch)
    lake = f"lakefs://{p.lake.repository}"
    assert collected.inputs[f"{lake}/{first}/clean/toy/readings"] == 2
    assert collected.outputs[f"{lake}/{done['commit']}/clean/toy/readings"] == 2
    assert f"{lake}/{done['commit']}/watch/toy/verdicts" in collected.outputs


def test_a_score_row_leads_to_the_receipt_of_its_run_on_main(p: Platform, address: Address) -> None:
    deliver(address, D2, A)
    loop(p)
    for key in set(_table(p, SCORES)["run_key"].to_pylist()):
        receipt = RECEIPT.validate_json(p.lake.get(MAIN, receipt_path(key)))
        assert isinstance(receipt, ScoresReceipt)
        assert p.lake.exists(MAIN, evidence_path(key, score.SCORED))
        assert p.lake.exists(MAIN, evidence_path(key, score.PAGE))


@pytest.mark.parametrize("rows", [A, BAD], ids=["published", "withdrawn"])
def test_a_verdict_row_leads_to_its_page_with_every_measurement_on_main(
    p: Platform, address: Address, rows: dict[int, float]
) -> None:
    deliver(address, D2, rows)
    answers = loop(p)
    for row in _table(p, "watch/toy/verdicts").to_pylist():
        page = p.lake.get(MAIN, row["evidence"]).decode()
        assert row["evidence"].endswith(f"{row['run_key']}/verdict.html")
        numbers = TypeAdapter(dict[str, Any]).validate_json(p.lake.get(MAIN, row["evidence"].replace(".html", ".json")))
        (told,) = numbers["dates"]
        assert (told["verdict"], told["facts"][0]["value"]) == (row["verdict"], min(rows.values()))
        for words in (row["verdict"], str(D2), "identity", "&gt; -999.0", told["done"]):
            assert words in page
        assert 'src="' not in page
        assert "http" not in page
    assert answers["act"]["run_key"] == row["run_key"]


def test_a_page_links_only_to_what_is_beside_it(p: Platform, address: Address) -> None:
    deliver(address, D2, A)
    deliver(address, D3, BAD)
    loop(p)
    pages = LakePages(lambda: p.lake)
    for row in _table(p, "watch/toy/verdicts").to_pylist():
        page = p.lake.get(MAIN, row["evidence"]).decode()
        folder = row["evidence"].rpartition("/")[0]
        targets = [piece.partition('"')[0] for piece in page.split('href="')[1:]]
        paths = [target.removeprefix("../../../") if target.startswith("../") else f"{folder}/{target}" for target in targets]
        assert len(paths) >= 3
        assert {path: pages.answer(MAIN, path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_an_act_on_what_is_left_of_a_judgement_links_to_its_own_receipt(p: Platform, address: Address) -> None:
    deliver(address, D2, A)
    deliver(address, D3, A)
    ingest_all(p)
    score_all(p)
    answers = {"judge": watch.judge_dates(p, run("watch"))}
    deliver(address, D3, {1: 3.0, 2: 4.0}, later=1)  # restated after it was judged
    ingest_all(p)
    answers["act"] = act.act(p, run("watch"), answers["judge"])
    assert (answers["act"]["published"], dead(p, answers)) == (1, [])


def test_an_act_cannot_put_words_into_the_mouth_of_other_work(p: Platform) -> None:
    head = p.lake.head(MAIN)
    other = next(iter(read_ledger(p.lake, "toy").entries))
    branch = run("watch").branch("toy")
    p.lake.create_branch(branch, head)
    p.lake.put(branch, receipt_path(other), b"{}")
    receipt = ActReceipt(
        **about(p, run("watch"), key="a" * 64, base=head, audited=p.lake.commit(branch, "forged", {})),
        candidate=other, candidate_branch="", candidate_commit="", model_version=1, judged=(),
    )  # fmt: skip
    seal(p.lake, branch, receipt)
    with pytest.raises(GateViolation, match="said already"):
        publish(p.lake, p.tables, p.lease, Work(branch, receipt, lambda _: None))
    with pytest.raises(LakeError, match="main has said this already"):
        p.lake.merge(branch, MAIN, "act", metadata(receipt, head, 0))


def test_what_a_replayed_act_says_comes_with_it(p: Platform, address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "lakeloop.steps.publish._moved", lambda _, work, __: work.receipt.kind == "act"
    )  # its tables moved under its branch
    deliver(address, D2, A)
    answers = loop(p)
    assert dead(p, answers) == []
    (key,) = set(_table(p, SCORES)["run_key"].to_pylist())
    assert p.lake.exists(MAIN, receipt_path(key))
    (entry,) = [one for one in read_ledger(p.lake, "toy").entries.values() if isinstance(one.receipt, ActReceipt)]
    assert p.lake.exists(MAIN, evidence_path(entry.receipt.run_key, "verdict.html"))
    assert_whole(p)
