"""Where things stand in the lake: paths, run-branch names, run keys."""

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

MAIN = "main"
OWN = "_lakeloop/"  # what the platform says of its work; added to, never changed
RECEIPTS = f"{OWN}receipts/"
EVIDENCE = f"{OWN}evidence/"
PROMOTIONS = f"{OWN}promotions/"
GATES_HTML = "gates.html"  # evidence of what a version's gates said
ACTIONS = "_lakefs_actions/"
HOOKS = "lua_hooks/"
DATE_COLUMN = "data_date"

_STAGES = ("ingest", "score", "watch", "train", "bootstrap", "upgrade", "retention")
_LONGEST_BRANCH = 80  # a replay's name is its branch's whole name and more
_COMMIT = re.compile(r"[0-9a-f]{64}")
_OPENED = re.compile(r"-t\d+-([0-9a-f]{8})[0-9a-f]{6}(?:-r[0-9a-f]{8}-\d+)?$")


class UnitId(NamedTuple):
    """One (table, data date): what is published, replaced and withdrawn as a whole."""

    table: str
    data_date: date

    def __str__(self) -> str:
        return f"{self.table} {self.data_date.isoformat()}"


class Delivery(NamedTuple):
    """One delivery of a unit, by its number and the digest of its bytes."""

    unit: UnitId
    number: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.unit} delivery {self.number} ({self.sha256[:12]})"


class Stored(NamedTuple):
    """An object of the lake: its bytes, and where they are in storage."""

    path: str
    size: int
    address: str


def landing(case: str, delivery: Delivery) -> str:
    """The folder of a delivery's bytes, with a closing slash."""
    unit = delivery.unit
    return f"landing/{case}/{unit.table}/{unit.data_date.isoformat()}/{delivery.number}-{delivery.sha256[:12]}/"


def clean(case: str, table: str) -> str:
    """The Delta table of the published rows."""
    return f"clean/{case}/{table}"


def quarantine(case: str, table: str) -> str:
    """The Delta table of the rows that broke a rule, with their reasons."""
    return f"quarantine/{case}/{table}"


def scores(case: str) -> str:
    """The Delta table of the scores."""
    return f"scores/{case}"


def training(case: str) -> str:
    """The Delta table of a training set, on a branch of its own that is never merged."""
    return f"training/{case}"


def model_tag(model: str, version: int) -> str:
    """The lake's tag that keeps what a model version learnt from."""
    return f"model-{model}-v{version}"


def gates_tag(model: str, version: int) -> str:
    """The lake's tag that keeps what a version's gates said last, beside what it learnt from."""
    return f"{model_tag(model, version)}-gates"


def gates_page(model: str, version: int, run_key: str) -> str:
    """The page of what a version's gates said last, as `ref/path`."""
    return f"{gates_tag(model, version)}/{evidence_path(run_key, GATES_HTML)}"


def verdicts(case: str) -> str:
    """The Delta table of the watch's decisions."""
    return f"watch/{case}/verdicts"


def profiles(case: str) -> str:
    """The Delta table of daily profiles."""
    return f"watch/{case}/profiles"


def is_commit(ref: str) -> bool:
    """Whether a ref is a commit id, of which everything stays as it is."""
    return _COMMIT.fullmatch(ref) is not None


def receipt_path(run_key: str) -> str:
    """Where the receipt of a piece of work stands."""
    return f"{RECEIPTS}{run_key}.json"


def evidence_path(run_key: str, name: str) -> str:
    """Where a piece of evidence of some work stands."""
    return f"{EVIDENCE}{run_key}/{name}"


def said_by(run_key: str) -> tuple[str, str]:
    """Where everything stands that some work said of itself: its receipt, and its evidence."""
    return receipt_path(run_key), evidence_path(run_key, "")


def run_branch(case: str, stage: str, slug: str, attempt: int, opened: datetime | None = None) -> str:
    """A fresh branch name for one try of one run, never the same twice; its end says when it was opened.

    A branch of the lake has no date of its own, and its head may be a commit of main that is weeks old.
    """
    if stage not in _STAGES:
        msg = f"stage {stage!r} is not one of {_STAGES}"
        raise ValueError(msg)
    head = branch_prefix(case, stage)
    tail = f"-t{attempt}-{int((opened or datetime.now(UTC)).timestamp()):08x}{secrets.token_hex(3)}"
    room = max(_LONGEST_BRANCH - len(head) - len(tail), 1)
    clean_slug = re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-")[:room] or "run"
    return f"{head}{clean_slug}{tail}"


def opened_at(branch: str) -> datetime | None:
    """When a run branch, or the one that it is a replay of, was opened; None for a name that `run_branch` did not make."""
    found = _OPENED.search(branch)
    return datetime.fromtimestamp(int(found.group(1), 16), UTC) if found else None


def branch_prefix(case: str, stage: str) -> str:
    """What the names of a stage's run branches begin with."""
    return f"run-{case}-{stage}-"


def run_key(*, case: str, stage: str, works: Sequence[str], contract: str, code: str, model: str = "") -> str:
    """The name of a piece of work (hex sha256): retries of it share it, new work does not."""
    parts = [case, stage, sorted(works), contract, code, model]
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()
