"""The process that Parquet is read in: files come in by standard input, what they are goes out as a line of JSON each."""

import json
import math
import os
import pickle
import resource
import sys
import time
from contextlib import suppress
from typing import Any

from lakeloop.adapters.file_inspector.file import File
from lakeloop.adapters.file_inspector.kinds import ANEW
from lakeloop.adapters.file_inspector.parquet import inspect_parquet
from lakeloop.core.errors import BadFile, MachineFailed


def main(memory: int, seconds: int) -> None:
    """Answer until there is no more to read; the first line says that it has begun.

    Each file may take so many seconds of a processor, and so many bytes beside twice its own.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # nothing of a delivery may lie about on a disk
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers, suppress(EOFError):
        os.dup2(2, 1)  # what a library prints is no answer
        _say(answers.fileno(), {})
        while True:
            file = pickle.load(sys.stdin.buffer)
            _limit(resource.RLIMIT_DATA, memory + 2 * len(file.content))
            _limit(resource.RLIMIT_CPU, seconds + math.ceil(time.process_time()))
            _say(answers.fileno(), _answer(file))


def _limit(what: int, most: int) -> None:
    """Set a limit of this process that a later file may raise again."""
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _say(out: int, answer: dict[str, Any]) -> None:
    os.write(out, json.dumps(answer).encode() + b"\n")


def _answer(file: File) -> dict[str, Any]:
    try:
        return {"shape": inspect_parquet(file).model_dump(mode="json")}
    except BadFile as error:
        return {"fault": {"words": error.words, "code": error.code, "mend": error.mend}}
    except MachineFailed as error:
        return {"failure": str(error)}
    except Exception as error:  # noqa: BLE001  # what nobody foresaw is of these bytes too, and the next file is read
        words = f"{file.name} is Parquet that cannot be read: its reader ended with {type(error).__name__}"
        return {"fault": {"words": words, "code": "parquet", "mend": ANEW}}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
