"""Up and down: the parts in order of readiness, each proved; and nothing of them left."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lakeloop.core.errors import ConfigurationError
from lakeloop.settings import Settings
from lakeloop.stack import airflow, airflow_ready, doctor, guard, mlflow, spark
from lakeloop.stack.artifacts import jar_folder, lakefs_binary
from lakeloop.stack.keys import keys_of
from lakeloop.stack.layout import StackRoot, read_json, write_private_json
from lakeloop.stack.parts import Part, parts, programs
from lakeloop.stack.ports import LOOPBACK, choose
from lakeloop.stack.readiness import PortTaken, await_part
from lakeloop.stack.supervisor import Supervisor
from lakeloop.wiring import platform_code

Say = Callable[[str], None]
PORT_TRIES = 3


@dataclass(frozen=True)
class Lifecycle:
    """One stack root's up and down; `bootstrap` makes the lake ready once lakeFS answers."""

    home_settings: Settings
    bootstrap: Callable[[Settings], object]
    say: Say = lambda _words: None

    @property
    def root(self) -> StackRoot:
        """The root it works on."""
        return StackRoot(self.home_settings.home.absolute())

    def up(self) -> Settings:
        """Everything up and proved, whatever state it was in before; returns the settings that reach it."""
        with self._alone():
            began = time.monotonic()
            supervisor = Supervisor(self.root)
            running = supervisor.answers() and self._complete(supervisor)
            settings = Settings.load(self.root.home) if running else self._begin(supervisor)
            settings = self._bring_up_somewhere(supervisor, settings, fresh=not running)
            self.say(f"{'already up' if running else 'up'} ({time.monotonic() - began:.0f} s)")
            return settings

    def down(self) -> list[int]:
        """Ends everything; returns the pids that had to be killed because nobody looked after them any more."""
        with self._alone():
            return self._end(Supervisor(self.root))

    def _begin(self, supervisor: Supervisor) -> Settings:
        """A clean start, also after a crash: what is left of an earlier stack ends first, then ports, files and the daemon."""
        self._refuse_an_unfit_machine()
        self._end(supervisor)
        keys = keys_of(self.root)
        ports = choose(read_json(self.root.stack_file).get("ports", {}), usual=not self.home_settings.any_port)
        code = {"platform_code": platform_code(self.home_settings.repo_root)}
        write_private_json(self.root.stack_file, _facts(ports) | self._told() | code)
        settings = Settings.load(self.root.home)
        supervisor.start(programs(self.root, keys, settings, ports), self.home_settings.tied_to)
        return settings

    def _told(self) -> dict[str, Any]:
        """What the caller chose and every task and service of this stack has to know."""
        return self.home_settings.model_dump(
            mode="json", include={"expectations", "spark_events", "spark_cores"}, exclude_none=True
        )

    def _refuse_an_unfit_machine(self) -> None:
        wrong = [f"{check.name}: {check.found}. {check.fix}" for check in doctor.examine(self.root.home) if not check.ok]
        wrong += [f"{path} is missing. Run `make setup`" for path in (lakefs_binary(), jar_folder()) if not path.exists()]
        if "%" in str(self.root.home):
            wrong.append(f"{self.root.home} has a % in it, which the process manager cannot take. Name another LAKELOOP_HOME")
        if wrong:
            message = "; ".join(wrong) + "; nothing was started"
            raise ConfigurationError(message)

    def _complete(self, supervisor: Supervisor) -> bool:
        """Whether every program runs, of this code; a daemon whose programs were changed or given up is begun anew."""
        known = {state.name: state for state in supervisor.states()}
        settings = Settings.load(self.root.home)
        wanted = [name for part in parts(settings) for name in part.programs]
        is_this_code = settings.platform_code == platform_code(settings.repo_root)
        return is_this_code and all(name in known and known[name].state in {"RUNNING", "STARTING", "BACKOFF"} for name in wanted)

    def _bring_up_somewhere(self, supervisor: Supervisor, settings: Settings, fresh: bool) -> Settings:
        """Between the choice of a port and the bind lie seconds: who loses it to another process chooses again."""
        for _ in range(PORT_TRIES - 1):
            try:
                return self._bring_up(supervisor, settings, fresh)
            except PortTaken as taken:
                self.say(f"{taken}; beginning anew on other ports")
                settings, fresh = self._begin(supervisor), True
        return self._bring_up(supervisor, settings, fresh)

    def _bring_up(self, supervisor: Supervisor, settings: Settings, fresh: bool) -> Settings:
        """lakeFS and the lake first; the slow ones start beside Airflow's migration; all are awaited in order."""
        first, *others = parts(settings)
        supervisor.start_program("lakefs")
        self._await(supervisor, first)
        self.bootstrap(settings)
        for name in ("spark", "mlflow"):
            supervisor.start_program(name)
        settings = self._migrate(settings)
        for part in others:
            for name in part.programs:
                supervisor.start_program(name)
            self._await(supervisor, part)
            if part.name == "airflow":
                airflow_ready.furnish(settings, airflow.slack_inbox(settings.alerts_url))
            if part.name == "alerts":
                self.say(f"aliases: {mlflow.furnish(settings)}")
        if fresh:
            self._prove_whole(settings)
        return settings

    def _migrate(self, settings: Settings) -> Settings:
        facts = read_json(self.root.stack_file)
        env = airflow.environment(self.root, keys_of(self.root), settings, facts["ports"]["airflow"])
        identity = airflow.migrate(self.root, env, airflow.database_url(self.root, self.home_settings))
        write_private_json(self.root.stack_file, facts | {"airflow_database_id": identity})
        return Settings.load(self.root.home)

    def _prove_whole(self, settings: Settings) -> None:
        self.say("spark: a query through a Python worker; airflow: a task that runs")
        spark.prove(settings, whole=True)
        airflow_ready.prove_a_task_runs(settings)

    def _await(self, supervisor: Supervisor, part: Part) -> None:
        seconds = await_part(self.root, supervisor, part)
        self.say(f"{part.name}: {part.address or 'runs'} ({seconds:.1f} s)")

    def _end(self, supervisor: Supervisor) -> list[int]:
        if supervisor.answers():
            names = [state.name for state in supervisor.states()]
            supervisor.stop_programs([name for name in names if name.startswith(("airflow", "alerts"))])
            supervisor.stop_programs(names)
            supervisor.shutdown()
        left = guard.end_strays(self.root.mark)
        for name in ("supervisor.sock", "supervisord.pid"):
            (self.root.home / "run" / name).unlink(missing_ok=True)
        self.root.socket.unlink(missing_ok=True)
        return left

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two commands on one root take turns."""
        path = self.root.folder("run") / "lifecycle.lock"
        path.touch(mode=0o600)
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _facts(ports: dict[str, int]) -> dict[str, object]:
    """What clients need to know, under the names that Settings reads."""
    web = {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
    return {
        "ports": ports,
        "lakefs_endpoint": web["lakefs"],
        "spark_remote": f"sc://localhost:{ports['spark']}",  # only this literal name gets a token without TLS
        "mlflow_tracking_uri": web["mlflow"],
        "airflow_url": web["airflow"],
        "alerts_url": web["alerts"],
    }


def no_bootstrap(_settings: Settings) -> None:
    """For a stack whose lake is nobody's concern, as in tests of the stack itself."""
