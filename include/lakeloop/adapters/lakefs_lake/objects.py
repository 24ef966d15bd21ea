"""Objects of the lake: read, staged, listed."""

from collections.abc import Iterator, Sequence
from itertools import batched
from typing import Any

from lakefs_sdk import ApiClient, models
from lakefs_sdk.api import objects_api
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from lakeloop.adapters.lakefs_lake.connection import LONG, PAGE, QUICK, pages
from lakeloop.adapters.lakefs_lake.errors import translated
from lakeloop.core.errors import LakeError, NotFound, Unavailable
from lakeloop.core.lake import Stored


class LakeObjects:
    """The part of the client that deals with objects."""

    def __init__(self, client: ApiClient, repository: str) -> None:
        self.repository = repository
        self._objects = objects_api.ObjectsApi(client)

    def get(self, ref: str, path: str) -> bytes:
        """A small object's bytes."""
        with translated(f"read {path} at {ref}"):
            return bytes(self._objects.get_object(self.repository, ref, path, _request_timeout=QUICK))

    def exists(self, ref: str, path: str) -> bool:
        """Whether an object exists at a ref."""
        try:
            with translated(f"look for {path} at {ref}"):
                self._objects.stat_object(self.repository, ref, path, _request_timeout=QUICK)
        except NotFound:
            return False
        return True

    def put(self, branch: str, path: str, content: bytes) -> None:
        """Stage an object on a branch; staging the same bytes twice is harmless, so it is retried."""
        for attempt in Retrying(
            retry=retry_if_exception_type(Unavailable), stop=stop_after_attempt(4),
            wait=wait_random_exponential(0.2, max=5), reraise=True,
        ):  # fmt: skip
            with attempt, translated(f"write {path} on {branch}"):
                self._objects.upload_object(self.repository, branch, path, content=content, _request_timeout=LONG)

    def delete(self, branch: str, path: str) -> None:
        """Stage the removal of an object; a missing one is no error."""
        with translated(f"remove {path} on {branch}"):
            self._objects.delete_object(self.repository, branch, path, _request_timeout=QUICK)

    def remove(self, branch: str, paths: Sequence[str]) -> None:
        """Stage the removal of objects; a missing one is no error."""
        for some in batched(paths, PAGE):
            with translated(f"remove {len(some)} objects on {branch}"):
                answer = self._objects.delete_objects(
                    self.repository, branch, models.PathList(paths=list(some)), _request_timeout=LONG
                )
            if answer.errors:
                msg = f"{answer.errors[0].path} could not be removed on {branch}: {answer.errors[0].message}"
                raise LakeError(msg)

    def list(self, ref: str, prefix: str) -> Iterator[str]:
        """Paths of the objects under a prefix."""
        return (one.path for one in self.stored(ref, prefix))

    def stored(self, ref: str, prefix: str) -> Iterator[Stored]:
        """The objects under a prefix with their bytes; of a branch also what is staged."""

        def page(after: str) -> Any:
            return self._objects.list_objects(
                self.repository, ref, prefix=prefix, after=after, amount=PAGE, user_metadata=False,
                _request_timeout=QUICK,
            )  # fmt: skip

        listed = pages(f"list {prefix} at {ref}", page)
        return (Stored(str(item.path), int(item.size_bytes or 0), str(item.physical_address)) for item in listed)

    def folders(self, ref: str, prefix: str) -> Iterator[str]:
        """Names of the folders right below a prefix, without reading what is in them."""

        def page(after: str) -> Any:
            return self._objects.list_objects(
                self.repository, ref, prefix=prefix, delimiter="/", after=after, amount=PAGE, user_metadata=False,
                _request_timeout=QUICK,
            )  # fmt: skip

        listed = pages(f"list the folders of {prefix} at {ref}", page)
        return (str(item.path)[len(prefix) :].rstrip("/") for item in listed if item.path_type == "common_prefix")
