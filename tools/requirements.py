"""Writes requirements.txt: what of the lock runs in production, hashes included; `--check` compares instead."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
HEAD = "# Written by `make lock` from requirements.lock, checked by `make lint`: pip install -r requirements.txt\n"


def runtime_names(project: Path) -> set[str]:
    """The closure of the project's own dependencies, as the installed distributions state it."""
    waiting = [Requirement(line) for line in tomllib.loads(project.read_text("utf-8"))["project"]["dependencies"]]
    seen: set[tuple[str, str]] = set()
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.extras):
            key = (canonicalize_name(wanted.name), extra)
            if key in seen:
                continue
            seen.add(key)
            stated = [Requirement(line) for line in metadata.requires(wanted.name) or ()]
            waiting += [need for need in stated if need.marker is None or need.marker.evaluate({"extra": extra})]
    return {name for name, _ in seen}


def exported(lock: Path, names: set[str]) -> str:
    """The blocks of the lock that these names own."""
    blocks = re.findall(r"^\S.*?(?=^\S|\Z)", lock.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    owned = {canonicalize_name(re.split(r"[=\[ ;]", block, maxsplit=1)[0]): block for block in blocks if "==" in block}
    missing = sorted(names - owned.keys())
    if missing:
        message = f"requirements.lock lacks {', '.join(missing)}; requirements.txt was left alone; run `make lock`"
        raise SystemExit(message)
    return HEAD + "".join(block for name, block in owned.items() if name in names)


def main(check: bool) -> int:
    """Writes the file, or says whether the one there is what would be written."""
    target = ROOT / "requirements.txt"
    text = exported(ROOT / "requirements.lock", runtime_names(ROOT / "pyproject.toml"))
    if not check:
        target.write_text(text, "utf-8")
    elif not target.is_file() or target.read_text("utf-8") != text:
        sys.stderr.write("requirements.txt is not what requirements.lock exports; run `make lock`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
