"""Whether a running stack is what `up` would start: asked of a process manager whose programs all run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from lakeloop.settings import Settings
from lakeloop.stack.layout import write_private_json
from lakeloop.stack.lifecycle import Lifecycle, no_bootstrap
from lakeloop.stack.parts import parts
from lakeloop.wiring import platform_code


@pytest.mark.parametrize("is_this_code", [True, False])
def test_a_stack_of_other_code_is_begun_anew(tmp_path: Path, *, is_this_code: bool) -> None:
    settings = Settings(home=tmp_path)
    running = [SimpleNamespace(name=name, state="RUNNING") for part in parts(settings) for name in part.programs]
    lifecycle = Lifecycle(settings, no_bootstrap)
    write_private_json(
        lifecycle.root.stack_file, {"platform_code": platform_code(settings.repo_root) if is_this_code else "0123456789ab"}
    )
    assert lifecycle._complete(SimpleNamespace(states=lambda: running)) is is_this_code  # type: ignore[arg-type]
