#!/bin/sh
# Prints a Python 3.12 that can make environments: uv's, pyenv's, or the one on PATH.
set -u
fits() { [ -n "${1:-}" ] && "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 12))' >/dev/null 2>&1; }
answer() { if fits "$1"; then echo "$1"; exit 0; fi; }

answer "${LAKELOOP_PYTHON:-}"
command -v uv >/dev/null && answer "$(uv python find --no-python-downloads --no-project 3.12 2>/dev/null)"
for pyenv in "$(command -v pyenv)" "${PYENV_ROOT:-$HOME/.pyenv}/bin/pyenv"; do
    [ -x "$pyenv" ] || continue
    for found in "$("$pyenv" root)"/versions/3.12*/bin/python3.12; do answer "$found"; done
done
for name in python3.12 python3 python; do answer "$(command -v $name)"; done

echo "lakeloop needs Python 3.12 with venv, and neither uv, pyenv nor PATH has one." \
    "Install it with 'uv python install 3.12', 'pyenv install 3.12', or your system's python3.12 and python3.12-venv," \
    "then run this again." >&2
exit 1
