"""What machine a figure was measured on, and what lakeFS says of its own calls."""

from __future__ import annotations

import os
import platform
import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil

_CALLS = re.compile(
    r'^api_request_duration_seconds_(?P<kind>sum|count)\{[^}]*operation="(?P<operation>[^"]*)"[^}]*\} (?P<value>\S+)',
    re.MULTILINE,
)
_UPLOAD = "uploadobject"


class Calls(NamedTuple):
    """How long the lakeFS server worked on API calls, and how many it had, by operation; S3 traffic is not in it."""

    seconds: dict[str, float]
    number: dict[str, float]


def machine() -> str:
    """Processor, cores, memory and kernel, in one line."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = psutil.virtual_memory().total / 1024**3
    name = model.group(1) if model else platform.machine()
    return f"{name}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}"


def api_calls(endpoint: str) -> Calls:
    """What the server's own metrics say now, hooks included."""
    text = httpx.get(f"{endpoint}/metrics", timeout=10).raise_for_status().text
    calls = Calls(defaultdict(float), defaultdict(float))
    for found in _CALLS.finditer(text):
        kind = calls.seconds if found["kind"] == "sum" else calls.number
        kind[found["operation"].lower()] += float(found["value"])
    return calls


def spent(before: Calls, after: Calls, landed: int) -> tuple[float, float]:
    """Seconds between two readings: in calls that keep order (commits, merges, gate, receipts, evidence), and in landing bytes.

    Receipts and landed files are uploaded by the same operation; its seconds are shared out by the number of files.
    """
    seconds = {name: total - before.seconds.get(name, 0.0) for name, total in after.seconds.items()}
    uploads = after.number.get(_UPLOAD, 0.0) - before.number.get(_UPLOAD, 0.0)
    moving = seconds.get(_UPLOAD, 0.0) * min(landed / uploads, 1.0) if uploads else 0.0
    return sum(seconds.values()) - moving, moving
