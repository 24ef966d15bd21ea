"""The code version: any file that decides a result changes it, and nothing else does."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from lakeloop import wiring
from lakeloop.core.errors import ConfigurationError
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings
from lakeloop.wiring import check_platform_code, code_version, platform_code, source_of

FILES = (
    "include/lakeloop/steps/score.py",
    "include/lakeloop/gate/lakeloop_publish.lua",
    "include/lakeloop/gate/lakeloop_publish.yaml",
    "include/lakeloop/spark/audit.html.j2",
    "spark_jobs/score.py",
    "expectations/flights/weather.json",
    "requirements.lock",
)
BESIDE = ("include/lakeloop/__pycache__/x.cpython-312.pyc", "include/.cache/x", "README.md", "tests/unit/test_x.py")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (*FILES, *BESIDE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as it was")
    return tmp_path


def version(root: Path, expectations: Path | None = None) -> str:
    code_version.cache_clear()
    return code_version(root, expectations or root / "expectations")


@pytest.mark.parametrize("name", FILES)
def test_whatever_decides_a_result_changes_the_version(root: Path, name: str) -> None:
    before = version(root)
    (root / name).write_text("otherwise")
    assert version(root) != before


@pytest.mark.parametrize("name", BESIDE)
def test_what_decides_nothing_does_not(root: Path, name: str) -> None:
    before = version(root)
    (root / name).write_text("otherwise")
    assert version(root) == before


def test_a_link_to_a_folder_or_to_nothing_is_no_file(root: Path, tmp_path: Path) -> None:
    before = version(root)
    (root / "include" / "mine").symlink_to(root / "expectations", target_is_directory=True)
    (root / "include" / "gone.py").symlink_to(tmp_path / "nowhere.py")
    assert version(root) == before


def test_no_task_runs_beside_code_that_its_scheduler_imported_otherwise(root: Path) -> None:
    settings = Settings(repo_root=root, platform_code=platform_code(root))
    (root / "include/use_cases").mkdir()
    (root / "include/use_cases/mine.py").write_text("a case, which each task imports for itself")
    check_platform_code(settings)
    (root / "plugins").mkdir()
    (root / "plugins/words.py").write_text("new")
    with pytest.raises(ConfigurationError, match=r"changed since the stack was started.*did nothing.*`lakeloop up`"):
        check_platform_code(settings)
    check_platform_code(Settings(repo_root=root))  # an installation that is not started by `up`


def test_a_state_is_neither_kept_nor_believed_by_who_may_have_imported_other_code_than_is_on_disk(root: Path) -> None:
    running = Settings(repo_root=root, home=root / "home", platform_code=platform_code(root))
    wiring.lake_of(running).keep_state("toy", "1", b"a state")
    assert wiring.lake_of(running).kept_state("toy", ["1"]) == ("1", b"a state")
    (root / FILES[0]).write_text("another fold")
    wiring.lake_of(running).keep_state("toy", "1", b"folded as it was")
    assert wiring.lake_of(running).kept_state("toy", ["1"]) is None
    begun_anew = Settings(repo_root=root, home=root / "home", platform_code=platform_code(root))
    assert wiring.lake_of(begun_anew).kept_state("toy", ["1"]) is None
    (root / FILES[0]).write_text("as it was")
    assert wiring.lake_of(running).kept_state("toy", ["1"]) == ("1", b"a state")


def test_a_file_that_goes_away_while_it_is_read_opens_a_lake_without_states(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(repo_root=root, home=root / "home")
    wiring.lake_of(settings).keep_state("toy", "1", b"a state")
    read = Path.read_bytes

    def saved_meanwhile(path: Path) -> bytes:
        path.unlink()
        return read(path)

    with monkeypatch.context() as editor:
        editor.setattr(Path, "read_bytes", saved_meanwhile)
        lake = wiring.lake_of(settings)
    lake.keep_state("toy", "2", b"of nobody knows what")
    assert lake.kept_state("toy", ["2", "1"]) is None


def test_the_version_is_the_same_wherever_the_code_and_the_suites_stand(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    before = version(root)
    (root / "expectations").rename(elsewhere / "suites")
    assert version(root.rename(elsewhere / "checkout"), elsewhere / "suites") == before


@pytest.mark.parametrize(
    ("feed", "kind"),
    [("", "FolderSource"), ("/mnt/deliveries", "FolderSource"), ("s3://supplier/outgoing", "S3Source")],
)
def test_the_feed_is_a_folder_or_a_bucket_as_the_settings_say(feed: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FEED": feed, "FEED_ENDPOINT": "http://127.0.0.1:1", "FEED_SECRET_ACCESS_KEY": "hidden"}.items():
        monkeypatch.setenv(f"LAKELOOP_{name}", value)
    settings = Settings.load()
    assert type(source_of(settings)).__name__ == kind
    assert "hidden" not in repr(settings)


def test_the_session_of_a_command_is_noted_while_it_runs(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    key = SessionKey(installation="here", database="cli", dag="reproduce", run="flights-1", task="fit")
    sessions = wiring.platform_db_of(settings).sessions
    with suppress(RuntimeError), wiring.noted(key, settings):
        assert [row.key for row in sessions.open_since(-60)] == [key]
        raise RuntimeError
    assert not sessions.open_since(-60)
