"""From lakeFS answers to the error tree, once."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from lakefs_sdk.exceptions import ApiException
from urllib3.exceptions import HTTPError

from lakeloop.core.errors import (
    AlreadyExists,
    AlreadyPublished,
    DirtyBranch,
    LakeError,
    MergeConflict,
    NotFound,
    NothingToDo,
    Protected,
    RefusedByHook,
    StaleHead,
    Unavailable,
)

_RUN_ID = re.compile(r"run id '?([\w-]+)'?")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise the tree's error for anything the server or the connection raised; `what` names the act."""
    try:
        yield
    except ApiException as error:
        raise from_api(what, error) from error
    except (HTTPError, OSError) as error:
        msg = (
            f"{what}: lakeFS did not answer ({type(error).__name__}); whether it was done is not known. "
            "Next: the platform reads main before it tries again; `lakeloop status` shows the server."
        )
        raise Unavailable(msg) from error


def from_api(what: str, error: ApiException) -> LakeError:
    """The error of the tree for one HTTP answer."""
    status = int(error.status or 0)
    message = _message(error)
    if status == 412:
        return _refused(what, message)
    if status == 400:
        return _bad_request(what, message)
    if status in {429, 500, 502, 503, 504}:
        return Unavailable(f"{what}: lakeFS answered {status} ({message}); whether it was done is not known.")
    kinds: dict[int, type[LakeError]] = {
        403: Protected,
        404: NotFound,
        410: NotFound,
        409: AlreadyExists,
    }
    return kinds.get(status, LakeError)(f"{what}: {message} (HTTP {status}); nothing was changed.")


def conflict(what: str, paths: list[str]) -> MergeConflict:
    """A merge conflict with the paths that both sides changed."""
    shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
    return MergeConflict(f"{what}: both sides changed {shown or 'the same objects'}; nothing was merged.", paths)


def _message(error: ApiException) -> str:
    try:
        return str(json.loads(error.body or "{}").get("message", "")) or str(error.reason)
    except (ValueError, AttributeError):
        return str(error.reason)


def _bad_request(what: str, message: str) -> LakeError:
    lowered = message.lower()
    if "no changes" in lowered:
        return NothingToDo(f"{what}: {message}; nothing was changed.")
    if "dirty" in lowered or "uncommitted" in lowered:
        return DirtyBranch(f"{what}: {message}; nothing was changed. Next: commit or reset the branch.")
    return LakeError(f"{what}: {message} (HTTP 400); nothing was changed.")


def _refused(what: str, message: str) -> RefusedByHook:
    found = _RUN_ID.search(message)
    run_id = found.group(1) if found else ""
    reason = message.rpartition("action failed: ")[2].strip() or message
    kind: type[RefusedByHook] = RefusedByHook
    if "stale expected_head" in message:
        kind = StaleHead
    elif "already at the destination" in message:
        kind = AlreadyPublished
    return kind(f"{what}: refused by the gate: {reason} (hook run {run_id}); nothing was changed.", reason, run_id)
