"""The compose file says what the embedded stack says: read as data, no engine needed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakeloop.settings import REPO_ROOT, Settings
from lakeloop.stack import airflow, compose, lakefs, spark
from lakeloop.stack.keys import Keys, keys_given, keys_of
from lakeloop.stack.layout import StackRoot, write_private
from lakeloop.stack.mlflow import program as mlflow_program
from lakeloop.stack.parts import parts
from lakeloop.stack.ports import WISHED

FILE = yaml.safe_load((REPO_ROOT / "docker-compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
ONCE = {"volumes", "prepare", "furnish", "secrets"}
OURS = {name for name, service in SERVICES.items() if service["image"].startswith("${LAKELOOP_IMAGE")}


def embedded(tmp_path: Path) -> tuple[StackRoot, Keys, Settings]:
    root = StackRoot(tmp_path / "home")
    return root, keys_of(root), Settings(home=root.home)


def contained(tmp_path: Path, secret: str, monkeypatch: pytest.MonkeyPatch) -> tuple[StackRoot, Keys, Settings]:
    """What a container of the compose file reads: its environment and its secret, in the place of the embedded stack's keys."""
    root, keys, _ = embedded(tmp_path)
    for name, value in FILE["x-settings"].items():
        monkeypatch.setenv(name, value)
    write_private(root.keys_file, compose.contents(keys, compose.ServiceKeys(*"abcdefg"))[secret])
    return root, keys_given(root), Settings.load(root.home)


def differing(left: dict[str, Any], right: dict[str, Any]) -> set[str]:
    return {name for name in left.keys() | right.keys() if left.get(name) != right.get(name)}


def test_airflow_has_the_embedded_settings_but_for_where_it_binds_and_its_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, keys, settings = embedded(tmp_path)
    here = airflow.environment(root, keys, settings, WISHED["airflow"])
    root, keys, settings = contained(tmp_path, "airflow.json", monkeypatch)
    there = airflow.environment(root, keys, settings, WISHED["airflow"])
    assert differing(here, there) == {"AIRFLOW__API__HOST", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}


def test_spark_has_the_embedded_settings_but_for_the_lakes_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = spark.configuration(*embedded(tmp_path), WISHED["spark"])
    there = spark.configuration(*contained(tmp_path, "spark.json", monkeypatch), WISHED["spark"])
    assert differing(here, there) == {"spark.hadoop.fs.s3a.endpoint"}


def test_mlflow_has_the_embedded_settings_but_for_where_it_binds_and_its_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, keys, settings = embedded(tmp_path)
    here = mlflow_program(root, keys, settings, WISHED["mlflow"])
    root, keys, settings = contained(tmp_path, "mlflow.json", monkeypatch)
    there = mlflow_program(root, keys, settings, WISHED["mlflow"])
    assert differing(here.env, there.env) == {"MLFLOW_BACKEND_STORE_URI", "MLFLOW_SERVER_ALLOWED_HOSTS"}
    assert {(a, b) for a, b in zip(here.argv, there.argv, strict=True) if a != b} == {("127.0.0.1", "0.0.0.0")}


def test_lakefs_has_the_embedded_settings_but_for_where_it_binds_and_stores(tmp_path: Path) -> None:
    root, keys, _ = embedded(tmp_path)
    lakefs.program(root, keys, WISHED["lakefs"])
    here = json.loads((root.home / "lakefs/config.yaml").read_text())
    there = json.loads(compose.contents(keys, compose.ServiceKeys(*"abcdefg"))["lakefs.yaml"])
    assert differing(here, there) == {"listen_address", "database", "blockstore", "committed"}
    assert here["blockstore"]["signing"] == there["blockstore"]["signing"]
    assert here["committed"]["local_cache"]["size_bytes"] == there["committed"]["local_cache"]["size_bytes"]


def test_the_settings_of_the_file_are_all_that_differs_from_the_embedded_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = embedded(tmp_path)[2].model_dump()
    there = contained(tmp_path, "airflow.json", monkeypatch)[2].model_dump()
    addresses = {"lakefs_endpoint", "mlflow_tracking_uri", "lake_storage", "listen", "registry_webhook_url"}
    assert differing(here, there) == addresses | {"platform_db", "airflow_db_url"}


def test_every_program_of_the_embedded_stack_runs_in_a_service_of_its_name(tmp_path: Path) -> None:
    programs = {name for part in parts(embedded(tmp_path)[2]) for name in part.programs}
    assert programs - SERVICES.keys() == {"recycler"}, "which Spark's own container is"
    ran = {service["command"][-1] for name, service in SERVICES.items() if service.get("command", [""])[:2] == ["compose", "run"]}
    assert ran == programs - {"lakefs", "recycler"}
    assert all(name in programs for name in ran)


def test_only_loopback_is_published_at_the_embedded_ports() -> None:
    published = {port for service in SERVICES.values() for port in service.get("ports", [])}
    assert published == {f"127.0.0.1:{port}:{port}" for name, port in WISHED.items() if name != "spark"}


def test_the_registrys_webhook_goes_to_the_network_that_the_inbox_is_in() -> None:
    host, _, rest = FILE["x-settings"]["LAKELOOP_REGISTRY_WEBHOOK_URL"].removeprefix("http://").partition(":")
    assert (SERVICES["alerts"]["network_mode"], rest) == (f"service:{host}", f"{WISHED['alerts']}/registry")
    assert "mlflow" in SERVICES["furnish"]["depends_on"], "which is told of it there"


def test_the_secrets_of_the_file_are_those_that_are_made(tmp_path: Path) -> None:
    made = {path.name: path for path in compose.write_secrets(tmp_path, (0, 0))}
    assert made.keys() == FILE["secrets"].keys()
    assert {path.stat().st_mode & 0o777 for path in made.values()} == {0o600}
    for name, secret in FILE["secrets"].items():
        assert secret["file"] == f"./.lakeloop/compose/secrets/{name}"


def test_secrets_are_made_once(tmp_path: Path) -> None:
    first = [path.read_text() for path in compose.write_secrets(tmp_path, (0, 0))]
    assert [path.read_text() for path in compose.write_secrets(tmp_path, (0, 0))] == first


def test_each_container_is_given_the_keys_it_needs_and_no_others(tmp_path: Path) -> None:
    given = {
        name: json.loads(path.read_text())
        for path in compose.write_secrets(tmp_path, (0, 0))
        if (name := path.name)[-4:] == "json"
    }
    assert given["mlflow.json"].keys() == {"mlflow_db_url", "mlflow_webhook_key"}
    assert given["spark.json"].keys() == {"lakefs_access_key_id", "lakefs_secret_access_key", "spark_token", "platform_db"}
    assert not given["airflow.json"].keys() & {
        "lakefs_encrypt_secret",
        "lakefs_signing_secret",
        "mlflow_db_url",
        "mlflow_webhook_key",
    }


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["user"] == "${LAKELOOP_UID:-1000}:${LAKELOOP_GID:-1000}"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert re.fullmatch(r"\$\{[A-Z0-9_]+_IMAGE:-[a-z/]+:[\w.-]+\}", service["image"]), (
        "an image is a variable with a pinned default"
    )
    assert ("healthcheck" in service) == (name not in ONCE | {"pod"})


@pytest.mark.parametrize("name", sorted(OURS - ONCE - {"pod"}))
def test_each_of_our_programs_is_asked_the_embedded_question(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "lakeloop", "compose", "prove", name]


def test_images_and_stand_ins_are_of_the_versions_that_the_repository_names() -> None:
    pinned = {name: service["image"].rpartition(":")[2].removesuffix("}") for name, service in SERVICES.items()}
    assert f" v{pinned['lakefs']}" in (REPO_ROOT / "tools/lakefs/go.mod").read_text("utf-8")
    assert f"versitygw@{pinned['s3']}" in (REPO_ROOT / "tests/compose/images.sh").read_text("utf-8")
    assert {pinned[name] for name in OURS} == {metadata.version("lakeloop")}


def test_the_compose_file_is_clean_in_composes_own_eyes() -> None:
    plugin = Path(sys.executable).with_name("docker-compose")  # a package of the lock; it needs no engine for this
    done = subprocess.run([plugin, "config", "--quiet"], check=False, capture_output=True, text=True, cwd=REPO_ROOT, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_image_takes_no_key_and_no_environment_along() -> None:
    kept = [line for line in (REPO_ROOT / ".dockerignore").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert kept[0] == "*"
    assert not [line for line in kept if line.startswith("!.")]
