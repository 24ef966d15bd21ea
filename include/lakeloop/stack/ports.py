"""Ports of the stack: the wished one where it is free, another where it is not."""

from __future__ import annotations

import socket
from collections.abc import Mapping

LOOPBACK = "127.0.0.1"
WISHED = {"lakefs": 8000, "spark": 15002, "mlflow": 5000, "airflow": 8080, "alerts": 8085}


def is_free(port: int) -> bool:
    """Whether a server could bind this port now; a port in TIME_WAIT counts as free, as servers see it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port nobody listens on, chosen by the kernel."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def choose(kept: Mapping[str, int]) -> dict[str, int]:
    """One port a service: the one it had, else the wished one, each only while free, else any free one."""
    chosen: dict[str, int] = {}
    for service, wished in WISHED.items():
        candidates = [port for port in (kept.get(service), wished) if port and port not in chosen.values()]
        chosen[service] = next((port for port in candidates if is_free(port)), 0) or _unlike(chosen)
    return chosen


def _unlike(chosen: Mapping[str, int]) -> int:
    while (port := free_port()) in chosen.values():
        continue
    return port
