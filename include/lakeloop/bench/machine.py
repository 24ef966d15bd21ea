"""What machine a figure was measured on, and what lakeFS says of its own calls."""

import os
import platform
import re
from pathlib import Path

import httpx
import psutil

_SUM = re.compile(
    r'^api_request_duration_seconds_sum\{[^}]*operation="(?P<operation>[^"]*)"[^}]*\} (?P<seconds>\S+)', re.MULTILINE
)
_MOVES_BYTES = {"uploadobject", "getobject"}


def machine() -> str:
    """Processor, cores, memory and kernel, in one line."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = psutil.virtual_memory().total / 1024**3
    name = model.group(1) if model else platform.machine()
    return f"{name}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}"


def api_seconds(endpoint: str) -> dict[str, float]:
    """Seconds the lakeFS server has spent in API calls, hooks included, by operation; S3 traffic is not in it."""
    text = httpx.get(f"{endpoint}/metrics", timeout=10).raise_for_status().text
    seconds: dict[str, float] = {}
    for found in _SUM.finditer(text):
        operation = found["operation"]
        seconds[operation] = seconds.get(operation, 0.0) + float(found["seconds"])
    return seconds


def spent(before: dict[str, float], after: dict[str, float]) -> tuple[float, float]:
    """Seconds between two readings: in calls that keep order (commits, merges, gate, receipts), and in moving bytes."""
    passed = {name: total - before.get(name, 0.0) for name, total in after.items()}
    moving = sum(seconds for name, seconds in passed.items() if name.lower() in _MOVES_BYTES)
    return sum(passed.values()) - moving, moving
