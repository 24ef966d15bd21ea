"""How the server is spoken to: the generated client mended, its time limits, its pages."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from lakefs_sdk import ApiClient, Configuration
from urllib3.util.retry import Retry

from lakeloop.adapters.lakefs_lake.errors import translated
from lakeloop.ports import Commit

QUICK = (3.0, 30.0)  # seconds: connect, read
LONG = (3.0, 600.0)  # commits and merges are one call however much they move
PAGE = 1000


class _BytesClient(ApiClient):  # type: ignore[misc]  # generated code without types
    """The generated client uploads only files it can open by name; ours are bytes in memory."""

    def files_parameters(self, files: Mapping[str, bytes] | None = None) -> list[Any]:
        """Multipart fields of bytes."""
        return [(key, (key, content, "application/octet-stream")) for key, content in (files or {}).items()]


def client_of(endpoint: str, access_key_id: str, secret_access_key: str) -> ApiClient:
    """A client of one server; reads are retried, nothing else is."""
    return _BytesClient(_configuration(endpoint, access_key_id, secret_access_key))


def _configuration(endpoint: str, access_key_id: str, secret_access_key: str) -> Configuration:
    configuration = Configuration(host=f"{endpoint.rstrip('/')}/api/v1", username=access_key_id, password=secret_access_key)
    configuration.connection_pool_maxsize = 16
    configuration.retries = Retry(
        total=4, allowed_methods={"GET", "HEAD"}, status_forcelist={429, 502, 503, 504},
        backoff_factor=0.2, raise_on_status=False,
    )  # fmt: skip
    return configuration


def pages(what: str, page: Callable[[str], Any]) -> Iterator[Any]:
    """Every item of a paged listing; `page` asks for the one after an offset."""
    after, more = "", True
    while more:
        with translated(what):
            answer = page(after)
        yield from answer.results
        more, after = answer.pagination.has_more, answer.pagination.next_offset


def commit_from(item: Any) -> Commit:
    """The port's commit from the server's."""
    created = datetime.fromtimestamp(item.creation_date, UTC)
    return Commit(item.id, tuple(item.parents), dict(item.metadata or {}), item.message, created)
