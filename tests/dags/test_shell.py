"""The shell of a task: what it does besides its step never fails it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lakeloop_airflow import lineage, shell


def test_a_task_whose_merge_is_done_does_not_fail_for_its_lineage(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        message = "no such provider"
        raise ValueError(message)

    monkeypatch.setattr(lineage, "report", broken)
    shell._tell(SimpleNamespace(lake=None, case=None), {"key": "commit"})
    assert "lineage was not reported" in caplog.text
    assert "no such provider" in caplog.text
