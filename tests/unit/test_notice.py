"""The words of alerts, and their form as Slack messages."""

from __future__ import annotations

import json

import pytest

from lakeloop.core.notice import Notice, run_failed, slack_message


def _message(**facts: str) -> str:
    notice = Notice(severity="warning", title="weather is late", channel="#x", facts=facts)
    return json.dumps(slack_message(notice, "7"), ensure_ascii=False)


def test_a_message_says_cause_next_move_links_and_details() -> None:
    words = _message(cause="3 of 41 failed", next="lakeloop verify", run="http://127.0.0.1:8080/dags/x", rows="12")
    for part in ("weather is late", "3 of 41 failed", "`lakeloop verify`", "<http://127.0.0.1:8080/dags/x|run>", "*rows*\\n12"):
        assert part in words


def test_the_alert_travels_with_its_id_and_severity() -> None:
    payload = json.loads(_message())["metadata"]["event_payload"]
    assert payload == {"alert_id": "7", "severity": "warning"}


@pytest.mark.parametrize("evil", ["<!channel>", "<@U123>", "<http://evil.example|click>", "a & b < c"])
@pytest.mark.parametrize("place", ["cause", "next", "rows"])
def test_nothing_in_the_words_can_call_a_channel_or_become_a_link(evil: str, place: str) -> None:
    assert evil not in _message(**{place: evil})


def test_the_title_is_escaped_too() -> None:
    message = slack_message(Notice(severity="info", title="<!here>", channel="#x"), "1")
    assert message["text"] == "*info*: &lt;!here&gt;"


def test_an_address_cannot_break_out_of_its_link() -> None:
    assert "%3E%3C!channel%3E" in _message(page="http://127.0.0.1/a><!channel>")
    assert "%7C" in _message(page="http://127.0.0.1/a|b")


def test_an_address_with_words_behind_it_is_no_link() -> None:
    assert "<http" not in _message(page="http://127.0.0.1/a <!channel>")


def test_long_words_are_cut_to_what_slack_takes() -> None:
    message = slack_message(Notice(severity="info", title="t" * 999, channel="#x", facts={"cause": "c" * 9999}), "1")
    (block,) = message["attachments"][0]["blocks"]
    assert len(block["text"]["text"]) <= 3000
    assert len(message["text"]) < 400


def test_more_details_than_slack_takes_are_left_out() -> None:
    message = slack_message(Notice(severity="info", title="t", channel="#x", facts={f"f{n}": "v" for n in range(30)}), "1")
    (block,) = message["attachments"][0]["blocks"]
    assert len(block["fields"]) == 10


def test_a_failed_run_names_its_tasks_and_their_last_words() -> None:
    notice = run_failed(
        dag="flights__ingest", run="manual__1", causes=[("write", ""), ("audit", "3 of 41 failed")],
        links={"run page": "http://127.0.0.1/x"}, reason="task_failure", owner="data", channel="#x",
    )  # fmt: skip
    assert notice.title == "flights__ingest failed at write, audit"
    assert "write: ended without a word, as a killed process does" in notice.facts["cause"]
    assert "audit: 3 of 41 failed" in notice.facts["cause"]
    assert notice.links == {"run page": "http://127.0.0.1/x"}


def test_a_failed_run_without_known_causes_quotes_airflow() -> None:
    notice = run_failed(dag="d", run="r", causes=[], links={}, reason="timed_out", owner="", channel="#x")
    assert notice.facts["cause"] == "timed_out"
