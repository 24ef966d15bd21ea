"""What is remembered of the story's runs, as `.lakeloop/demo.json` shows it."""

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

FILE = "demo.json"


class RunRecord(BaseModel):
    """One Airflow run of the story; `tables` counts rows by table."""

    model_config = ConfigDict(extra="forbid")
    dag: str
    run_id: str
    date_from: date | None = None
    date_to: date | None = None
    state: str
    verdict: str = ""
    trust: str = ""
    seconds: float = 0.0
    tables: dict[str, dict[str, int]] = Field(default_factory=dict)
    branch: str = ""
    commit: str = ""


class ActRecord(BaseModel):
    """One act: how long it took against its budget (seconds), and what was proved."""

    model_config = ConfigDict(extra="forbid")
    name: str
    seconds: float = 0.0
    budget: float
    proofs: list[str] = Field(default_factory=list)
    run_ids: list[str] = Field(default_factory=list)
    failure: str = ""


class StoryRecord(BaseModel):
    """The story so far; `ok` only when every run ended as the story says."""

    ok: bool = False
    seconds: float = 0.0
    runs: list[RunRecord] = Field(default_factory=list)
    acts: list[ActRecord] = Field(default_factory=list)

    def save(self, home: Path) -> None:
        """Write it whole, or leave what was there."""
        part = home / f"{FILE}.part"
        part.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
        part.replace(home / FILE)

    @classmethod
    def load(cls, home: Path) -> "StoryRecord":
        """What an earlier demo left, or an empty record."""
        path = home / FILE
        return cls.model_validate_json(path.read_bytes()) if path.is_file() else cls()

    def forget_failures(self) -> None:
        """Drop acts that failed, with their runs: they are played again."""
        self.acts = [act for act in self.acts if not act.failure]
        kept = {run_id for act in self.acts for run_id in act.run_ids}
        self.runs = [run for run in self.runs if run.run_id in kept]

    def played(self, name: str) -> bool:
        """Whether an act was played to its good end before."""
        return any(act.name == name and not act.failure for act in self.acts)
