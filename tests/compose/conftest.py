"""The compose stack brought up from a copy of this checkout, which tests/compose/run.sh makes along with engine and images."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lakeloop.settings import Settings
from tests.integration.conftest import HISTORY
from tests.integration.nights import Nights

UP_SECONDS = 900
Compose = Callable[..., str]


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Where the copy is."""
    named = os.environ.get("LAKELOOP_COMPOSE_CHECKOUT")
    if not named:
        pytest.fail("these tests need what tests/compose/run.sh prepares: `make compose-test`")
    return Path(named)


@pytest.fixture(scope="session")
def compose(checkout: Path) -> Compose:
    """`docker compose` in the copy; a failure shows its own last words."""

    def ask(*arguments: str) -> str:
        command = ["docker", "compose", *arguments]
        done = subprocess.run(command, cwd=checkout, check=False, capture_output=True, text=True, timeout=UP_SECONDS)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    return ask


@pytest.fixture(scope="session")
def stack(compose: Compose, checkout: Path) -> Iterator[Settings]:
    """Everything up by the commands of docs/compose.md, and gone with its volumes afterwards."""
    try:
        compose("run", "--rm", "--no-TTY", "secrets")
        compose("up", "--detach", "--wait", "--wait-timeout", str(UP_SECONDS))
        yield Settings.load(checkout / ".lakeloop" / "compose")
    finally:
        compose("down", "--volumes")


@pytest.fixture(scope="session")
def containers(compose: Compose, stack: Settings) -> dict[str, dict]:  # type: ignore[type-arg]
    """What the engine knows of each container, by its service."""
    ids = compose("ps", "--all", "--quiet").split()
    found = json.loads(subprocess.run(["docker", "inspect", *ids], check=True, capture_output=True, text=True).stdout)
    return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in found}


@pytest.fixture(scope="session")
def nights(stack: Settings) -> Nights:
    """The weeks that training takes, published, and a champion made from them."""
    nights = Nights(stack, after=HISTORY[1])
    nights.feed.deliver(nights=HISTORY)
    assert nights.stage.trigger("ingest", HISTORY).state == "success"
    assert nights.stage.trigger("train").state == "success"
    assert nights.stage.ledger().champion is not None
    nights.settle()
    return nights
