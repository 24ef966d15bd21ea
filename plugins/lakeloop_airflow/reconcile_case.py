"""A process of its own that puts one case's aliases back where its ledger has them: the inbox keeps MLflow out of its memory."""

from __future__ import annotations

import logging
import sys

from lakeloop import wiring
from lakeloop.core.errors import LakeloopError
from lakeloop.settings import Settings
from lakeloop.steps.reconcile import reconcile

_log = logging.getLogger("lakeloop.aliases")


def main(name: str) -> int:
    """0 once the aliases were compared and put right, 1 when lake, registry or outbox could not be asked; the log says which."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = Settings.load()
        lake, registry = wiring.lake_of(settings), wiring.registry_of(settings)
        outbox = wiring.platform_db_of(settings).outbox
        _log.info("%s", reconcile(lake, registry, outbox, wiring.load_case(wiring.case_ref(name)))["summary"])
    except LakeloopError as error:
        _log.warning("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
