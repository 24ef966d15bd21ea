"""Has the aliases of a case compared with its ledger soon after MLflow told that one moved: one process for a burst of events."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

RECONCILE = (sys.executable, "-m", "lakeloop_airflow.reconcile_case")
QUIET_SECONDS = 2.0  # a promotion of our own moves up to three aliases in a row: who looks in between takes it for a stranger's
LONGEST_WAIT = 10.0  # however many more events come
_RUN_SECONDS = 120  # what takes longer hangs; the janitor's hour comes
_log = logging.getLogger("lakeloop.aliases")


class AliasKeeper:
    """Remembers cases, waits for a quiet moment, and runs `command` with each case's name; one at a time.

    What an event says is not relied on, so one that is lost, late, doubled or an echo of our own writing does no harm.
    """

    def __init__(self, command: Sequence[str] = RECONCILE, quiet: float = QUIET_SECONDS) -> None:
        self._command, self._quiet = tuple(command), quiet
        self._cases: set[str] = set()
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="alias-keeper", daemon=True)

    def start(self) -> None:
        """Begins to wait for events."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it, and a process that is under way."""
        self._stop.set()
        with self._news:
            self._news.notify()
        self._thread.join(timeout=10)

    def ask(self, case: str) -> None:
        """Remembers a case and returns at once."""
        with self._news:
            self._cases.add(case)
            self._news.notify()

    def _work(self) -> None:
        while not self._stop.is_set():
            for case in self._next():
                self._reconcile(case)

    def _next(self) -> list[str]:
        """The cases to look at, once nothing more came for a moment; none when this is to end."""
        with self._news:
            self._news.wait_for(lambda: self._cases or self._stop.is_set())
            latest = time.monotonic() + LONGEST_WAIT
            while not self._stop.is_set() and self._news.wait(min(self._quiet, max(0.0, latest - time.monotonic()))):
                pass
            found, self._cases = sorted(self._cases), set()
        return [] if self._stop.is_set() else found

    def _reconcile(self, case: str) -> None:
        try:
            process = subprocess.Popen([*self._command, case], stdin=subprocess.DEVNULL)
        except OSError as error:
            _log.warning("the aliases of %s were not looked at: %s; the janitor does it within the hour", case, error)
            return
        until = time.monotonic() + _RUN_SECONDS
        while process.poll() is None:
            if self._stop.wait(0.2) or time.monotonic() > until:
                process.kill()
                process.wait()
        if process.returncode:
            _log.warning("the aliases of %s were not all looked at: the janitor does it within the hour", case)
