"""Fetches Spark's extra jars by exact coordinates and sums into the user's cache; standard library only."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lakeloop.stack.artifacts import cache_root, jar_folder
from lakeloop.stack.doctor import find_java

MAVEN_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"


@dataclass(frozen=True)
class Jar:
    """One line of jars.txt."""

    group: str
    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """The file's name, as both fetchers write it."""
        return f"{self.name}-{self.version}.jar"


def listed(repo: Path) -> list[Jar]:
    """The jars the repository asks for."""
    lines = (repo / "tools/jars/jars.txt").read_text("utf-8").splitlines()
    pairs = [line.split() for line in lines if line and not line.startswith("#")]
    split = [(*coordinates.split(":"), digest.removeprefix("sha256:")) for coordinates, digest in pairs]
    return [Jar(group, name, version, digest) for group, name, version, digest in split]


def fetch_jars(repo: Path, venv: Path, say: Callable[[str], None], maven: str | None = shutil.which("mvn")) -> None:
    """Leaves the jars where the stack looks for them, each compared with its sum before any is used."""
    target, jars = jar_folder(repo), listed(repo)
    if target.is_dir():
        return
    scratch = Path(tempfile.mkdtemp(prefix="fetching-", dir=cache_root()))
    try:
        say(f"jars: fetching {len(jars)} with {'Maven' if maven else 'the Ivy inside pyspark'}")
        (scratch / "jars").mkdir()
        if maven:
            _by_maven(maven, jars, scratch)
        else:
            _by_ivy(venv, jars, scratch)
        _compare(jars, scratch / "jars")
        (scratch / "jars").rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _by_maven(maven: str, jars: list[Jar], scratch: Path) -> None:
    alone = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
    wanted = "".join(
        f"<dependency><groupId>{jar.group}</groupId><artifactId>{jar.name}</artifactId><version>{jar.version}</version>"
        f"{alone}</dependency>"
        for jar in jars
    )
    head = "<modelVersion>4.0.0</modelVersion><groupId>lakeloop</groupId><artifactId>jars</artifactId><version>1</version>"
    pom = f"<project>{head}<packaging>pom</packaging><dependencies>{wanted}</dependencies></project>"
    (scratch / "pom.xml").write_text(pom, "utf-8")
    _run([maven, "--quiet", "--batch-mode", MAVEN_GOAL, f"-DoutputDirectory={scratch / 'jars'}"], scratch)


def _by_ivy(venv: Path, jars: list[Jar], scratch: Path) -> None:
    wanted = "".join(f'<dependency org="{jar.group}" name="{jar.name}" rev="{jar.version}" transitive="false"/>' for jar in jars)
    info = '<info organisation="lakeloop" module="jars"/>'
    module = f'<ivy-module version="2.0">{info}<dependencies>{wanted}</dependencies></ivy-module>'
    resolver = '<ibiblio name="central" m2compatible="true" usepoms="false" useMavenMetadata="false"/>'
    settings = (
        f'<ivysettings><settings defaultResolver="central"/><caches defaultCacheDir="{scratch / "ivy"}"/>'
        f"<resolvers>{resolver}</resolvers></ivysettings>"
    )
    (scratch / "ivy.xml").write_text(module, "utf-8")
    (scratch / "ivysettings.xml").write_text(settings, "utf-8")
    ivy = next(venv.glob("lib/python3.12/site-packages/pyspark/jars/ivy-*.jar"))
    java = find_java() or "java"
    places = ["-settings", "ivysettings.xml", "-ivy", "ivy.xml", "-retrieve", f"{scratch}/jars/[artifact]-[revision].[ext]"]
    _run([java, "-jar", str(ivy), "-warn", *places], scratch)


def _run(command: list[str], folder: Path) -> None:
    answer = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if answer.returncode:
        tail = "\n".join((answer.stdout + answer.stderr).splitlines()[-15:])
        msg = f"{tail}\nsetup: fetching Spark's jars failed, see above; nothing was kept; run `make setup` again"
        raise SystemExit(msg)


def _compare(jars: list[Jar], folder: Path) -> None:
    for jar in jars:
        path = folder / jar.file
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "nothing"
        if found != jar.sha256:
            msg = f"setup: {jar.file} has sha256 {found}, jars.txt says {jar.sha256}; no jar was kept"
            raise SystemExit(msg)
