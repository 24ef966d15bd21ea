"""The commands as a person gives them: up, env, backup while it runs, a lost root, restore, up again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lakeloop.stack import guard
from lakeloop.stack.layout import StackRoot

pytestmark = [pytest.mark.more, pytest.mark.stack, pytest.mark.timeout(900)]


def lakeloop(home: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-c", "from lakeloop.cli.main import main; main()", *arguments, "--json"]
    env = os.environ | {"LAKELOOP_HOME": str(home), "LAKELOOP_TIED_TO": str(os.getpid()), "LAKELOOP_ANY_PORT": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=600)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_stack_copied_while_it_runs_comes_back_whole(tmp_path: Path) -> None:
    home, copy = tmp_path / "home", tmp_path / "copy.tgz"
    try:
        addresses = lakeloop(home, "up")
        keys = lakeloop(home, "env")
        assert keys["lakefs"]["endpoint"] == addresses["lakefs"]
        assert lakeloop(home, "backup", str(copy))["bytes"] > 0
        assert lakeloop(home, "status")["ok"], "a stack that ran is started again after the copy"
        lakeloop(home, "down")
        shutil.rmtree(home)
        lakeloop(home, "restore", str(copy))
        lakeloop(home, "up")
        assert lakeloop(home, "env")["lakefs"]["secret_access_key"] == keys["lakefs"]["secret_access_key"]
        assert lakeloop(home, "status")["ok"]
    finally:
        lakeloop(home, "down")
    assert guard.strays(StackRoot(home).mark) == []
