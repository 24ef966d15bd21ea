"""A bucket that strangers write to: its keys listed once, its objects read while they stay what they are."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pyarrow.fs import AwsStandardS3RetryStrategy, FileInfo, FileSelector, FileType, S3FileSystem

from lakeloop.core.errors import SourceFailed, StillArriving

_CONNECT_SECONDS, _REQUEST_SECONDS = 5, 60
_TRIES = 3
_ABSENT = "No such file or directory"
_CLOSED = "ACCESS_DENIED"  # how the client says that one object is closed to us


class Bucket:
    """Objects under a prefix; a server that does not answer is SourceFailed."""

    def __init__(self, root: str, endpoint: str, access_key_id: str, secret_access_key: str, region: str) -> None:
        scheme, _, host = endpoint.rpartition("://")
        given = {"access_key": access_key_id, "secret_key": secret_access_key} if access_key_id else {}
        self.root = root
        self._files = S3FileSystem(
            **given, region=region or None, endpoint_override=host or None, scheme=scheme or "https",
            connect_timeout=_CONNECT_SECONDS, request_timeout=_REQUEST_SECONDS,
            retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_TRIES),
        )  # fmt: skip

    def objects(self, folder: str) -> dict[tuple[str, ...], FileInfo]:
        """Every object below a folder of the prefix, by the parts of its key, of which any may be empty or dots."""
        base = f"{self.root}/{folder}/"
        with self._answering(base):
            found = self._files.get_file_info(FileSelector(base, allow_not_found=True, recursive=True))
        return {tuple(one.path.removeprefix(base).split("/")): one for one in found if one.type == FileType.File}

    def folders(self, end: str) -> list[str]:
        """The folders right below the prefix, in order; an empty name first where an object named `end` stands beside them."""
        base = f"{self.root}/"
        with self._answering(base):
            found = self._files.get_file_info(FileSelector(base, allow_not_found=True))
        names = sorted(one.base_name for one in found if one.type == FileType.Directory)
        is_ended = any(one.base_name == end for one in found if one.type == FileType.File)
        return ["", *names] if is_ended else names

    def read_listed(self, listed: FileInfo, most: int) -> bytes:
        """The same as `read` of an object as it was listed, without a look of our own at it."""
        content = self._content(listed, listed.path, most)
        if len(content) != listed.size:
            raise _exchanged(listed.path)
        return content

    def read(self, path: str, most: int) -> bytes:
        """The bytes of an object of at most so many bytes.

        Raises:
            OSError: it is not there, is closed to us, or is larger.
            StillArriving: it was exchanged while it was read.
        """
        where = f"{self.root}/{path}"
        before = self._info(where)
        if before.type != FileType.File:
            raise FileNotFoundError(errno.ENOENT, _ABSENT, path)
        content = self._content(before, path, most)
        after = self._info(where)
        if (after.size, after.mtime_ns) != (before.size, before.mtime_ns) or len(content) != before.size:
            raise _exchanged(path)
        return content

    def _content(self, found: FileInfo, path: str, most: int) -> bytes:
        if found.size > most:
            raise OSError(errno.EFBIG, f"has {found.size} bytes, {most} may be taken in", path)
        with self._answering(found.path), self._files.open_input_stream(found.path) as stream:
            return bytes(stream.read(most + 1))

    def _info(self, where: str) -> FileInfo:
        with self._answering(where):
            return self._files.get_file_info(where)

    @contextmanager
    def _answering(self, where: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise FileNotFoundError(errno.ENOENT, _ABSENT, where) from error
        except OSError as error:
            if _CLOSED in str(error) and not where.endswith("/"):
                raise PermissionError(errno.EACCES, "Permission denied", where) from error
            words = str(error).partition("\n")[0][:300]
            msg = f"the feed s3://{where} did not answer ({words}); nothing was taken in. Next: see its address and its keys"
            raise SourceFailed(msg) from error


def _exchanged(path: str) -> StillArriving:
    return StillArriving(f"{path} was exchanged while it was read; its delivery waits for the next run")
