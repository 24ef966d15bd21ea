"""How many jobs the Spark server ran for a session, read from the event log that it writes."""

from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings

_BEGUN = '{"Event":"SparkListenerJobStart"'


def jobs_of(settings: Settings, key: SessionKey) -> int:
    """Jobs that were begun for a session so far; those by which Delta opens a table carry no session, and are not among them."""
    folder = settings.spark_events
    if folder is None:
        return 0
    logs = [path for path in folder.rglob("*") if path.is_file()]
    return sum(line.startswith(_BEGUN) and key.id in line for path in logs for line in path.open(encoding="utf-8"))
