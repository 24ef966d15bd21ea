"""What machine a figure was measured on, and what lakeFS says of its own calls."""

from __future__ import annotations

import os
import platform
import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

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


def spark_peak_mib(home: Path) -> int:
    """The most memory that the Spark server of a stack root held at any time, by the kernel's own account."""
    found = [
        re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{each.pid}/status").read_text(), re.MULTILINE) for each in _spark(home)
    ]
    return max((int(peak.group(1)) // 1024 for peak in found if peak), default=0)


def spark_seconds(home: Path) -> float:
    """Processor seconds of the Spark server of a stack root so far, its Python workers among them."""
    every = [process for server in _spark(home) for process in (server, *server.children(recursive=True))]
    return float(sum(sum(process.cpu_times()[:2]) for process in every))


def _spark(home: Path) -> list[psutil.Process]:
    words = {process: " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])}
    return [process for process, line in words.items() if "connect_server.py" in line and str(home) in line]


def api_calls(endpoint: str) -> Calls:
    """What the server's own metrics say now, hooks included."""
    text = _metrics(endpoint)
    calls = Calls(defaultdict(float), defaultdict(float))
    for found in _CALLS.finditer(text):
        kind = calls.seconds if found["kind"] == "sum" else calls.number
        kind[found["operation"].lower()] += float(found["value"])
    return calls


def server_seconds(endpoint: str) -> float:
    """Processor seconds of the lakeFS server so far, by its own account."""
    found = re.search(r"^process_cpu_seconds_total (\S+)", _metrics(endpoint), re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def spent(before: Calls, after: Calls, landed: int) -> tuple[float, float]:
    """Seconds between two readings: in calls that keep order (commits, merges, gate, receipts, evidence), and in landing bytes.

    Receipts and landed files are uploaded by the same operation; its seconds are shared out by the number of files.
    """
    seconds = {name: total - before.seconds.get(name, 0.0) for name, total in after.seconds.items()}
    uploads = after.number.get(_UPLOAD, 0.0) - before.number.get(_UPLOAD, 0.0)
    moving = seconds.get(_UPLOAD, 0.0) * min(landed / uploads, 1.0) if uploads else 0.0
    return sum(seconds.values()) - moving, moving


def _metrics(endpoint: str) -> str:
    with urlopen(f"{endpoint}/metrics", timeout=10) as answer:  # noqa: S310  # httpx would read all certificates each time
        return str(answer.read().decode())
