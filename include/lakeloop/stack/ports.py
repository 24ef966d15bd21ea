"""Ports of the stack: the wished one where it is free, another where it is not."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection, Mapping

LOOPBACK = "127.0.0.1"
WISHED = {"lakefs": 8000, "spark": 15002, "mlflow": 5000, "airflow": 8080, "alerts": 8085}
_MOVED = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could bind this port now; a port in TIME_WAIT counts as free, as servers see it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(taken: Collection[int] = ()) -> int:
    """A port nobody listens on, below those the kernel lends to outgoing connections, so that it stays free till the bind."""
    return next(port for port in iter(lambda: random.choice(_MOVED), None) if port not in taken and is_free(port))


def choose(kept: Mapping[str, int], usual: bool = True) -> dict[str, int]:
    """One port a service: the one it had, else the usual one, each only while free; else, or if not `usual`, any free one."""
    chosen: dict[str, int] = {}
    for service, wished in WISHED.items():
        candidates = [kept.get(service, 0), wished if usual else 0]
        fits = (port for port in candidates if port and port not in chosen.values() and is_free(port))
        chosen[service] = next(fits, 0) or free_port(chosen.values())
    return chosen
