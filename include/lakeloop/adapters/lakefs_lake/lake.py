"""The one lakeFS client: timeouts everywhere, retries only where repeating is safe."""

from collections.abc import Iterator, Mapping
from typing import Any

from lakefs_sdk import models
from lakefs_sdk.api import branches_api, commits_api, objects_api, refs_api, repositories_api
from lakefs_sdk.exceptions import ApiException
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from lakeloop.adapters.lakefs_lake.connection import LONG, PAGE, QUICK, client_of, commit_from, pages
from lakeloop.adapters.lakefs_lake.errors import conflict, translated
from lakeloop.core.errors import NotFound, Unavailable
from lakeloop.ports import Branch, Change, Commit


class LakeFSLake:
    """ports.Lake over lakefs-sdk for one repository."""

    def __init__(self, endpoint: str, access_key_id: str, secret_access_key: str, repository: str) -> None:
        self.repository = repository
        client = client_of(endpoint, access_key_id, secret_access_key)
        self._branches = branches_api.BranchesApi(client)
        self._commits = commits_api.CommitsApi(client)
        self._objects = objects_api.ObjectsApi(client)
        self._refs = refs_api.RefsApi(client)
        self._repositories = repositories_api.RepositoriesApi(client)

    # repository

    def create_repository(self, namespace: str) -> bool:
        """Create the repository; False when it exists."""
        body = models.RepositoryCreation(name=self.repository, storage_namespace=namespace, default_branch="main")
        try:
            self._repositories.create_repository(body, _request_timeout=LONG)
        except ApiException as error:
            if error.status == 409:
                return False
            with translated(f"create repository {self.repository}"):
                raise
        return True

    def protect(self, pattern: str) -> None:
        """Refuse direct writes and commits on branches of a pattern; idempotent."""
        with translated(f"protect {pattern} of {self.repository}"):
            self._repositories.set_branch_protection_rules(
                self.repository, [models.BranchProtectionRule(pattern=pattern)], _request_timeout=QUICK
            )

    def protected(self) -> list[str]:
        """The protected branch patterns."""
        with translated(f"read protection of {self.repository}"):
            rules = self._repositories.get_branch_protection_rules(self.repository, _request_timeout=QUICK)
        return [rule.pattern for rule in rules]

    # commits and branches

    def head(self, branch: str) -> str:
        """The commit id at the head of a branch."""
        with translated(f"read branch {branch}"):
            return str(self._branches.get_branch(self.repository, branch, _request_timeout=QUICK).commit_id)

    def commit_of(self, ref: str) -> Commit:
        """The commit a ref points to."""
        with translated(f"read commit {ref}"):
            return commit_from(self._commits.get_commit(self.repository, ref, _request_timeout=QUICK))

    def log(self, ref: str, *, stop_at: str = "") -> Iterator[Commit]:
        """First-parent history, newest first, up to and including `stop_at`."""
        options = {"stop_at": stop_at} if stop_at else {}

        def page(after: str) -> Any:
            return self._refs.log_commits(
                self.repository, ref, after=after, amount=PAGE, first_parent=True,
                _request_timeout=QUICK, **options,
            )  # fmt: skip

        return map(commit_from, pages(f"read the log of {ref}", page))

    def branches(self, prefix: str) -> Iterator[Branch]:
        """Branches whose names begin with a prefix."""

        def page(after: str) -> Any:
            return self._branches.list_branches(self.repository, prefix=prefix, after=after, amount=PAGE, _request_timeout=QUICK)

        return (Branch(item.id, item.commit_id) for item in pages(f"list branches {prefix}*", page))

    def create_branch(self, name: str, source: str) -> str:
        """Create a branch; returns its head."""
        with translated(f"create branch {name} from {source}"):
            self._branches.create_branch(self.repository, models.BranchCreation(name=name, source=source), _request_timeout=QUICK)
        return self.head(name)

    def delete_branch(self, name: str) -> None:
        """Delete a branch; a missing one is no error."""
        try:
            with translated(f"delete branch {name}"):
                self._branches.delete_branch(self.repository, name, _request_timeout=QUICK)
        except NotFound:
            return

    def reset(self, branch: str) -> None:
        """Drop everything staged on a branch."""
        with translated(f"reset branch {branch}"):
            self._branches.reset_branch(self.repository, branch, models.ResetCreation(type="reset"), _request_timeout=LONG)

    def commit(self, branch: str, message: str, metadata: Mapping[str, str]) -> str:
        """Commit everything staged on a branch; returns the commit id."""
        body = models.CommitCreation(message=message, metadata=dict(metadata))
        with translated(f"commit on {branch}"):
            return str(self._commits.commit(self.repository, branch, body, _request_timeout=LONG).id)

    def merge(self, source: str, into: str, message: str, metadata: Mapping[str, str]) -> str:
        """Merge a branch, never with a strategy or force; returns the merge commit's id."""
        what = f"merge {source} into {into}"
        body = models.Merge(message=message, metadata=dict(metadata))
        try:
            done = self._refs.merge_into_branch(self.repository, source, into, merge=body, _request_timeout=LONG)
        except ApiException as error:
            if error.status == 409:
                raise conflict(what, self._both_changed(source, into)) from error
            with translated(what):
                raise
        except Exception:
            with translated(what):
                raise
        return str(done.reference)

    def revert(self, branch: str, commit: str) -> None:
        """Undo a commit on a branch; main's gate refuses it there."""
        body = models.RevertCreation(ref=commit, parent_number=1)
        with translated(f"revert {commit} on {branch}"):
            self._branches.revert_branch(self.repository, branch, body, _request_timeout=LONG)

    def cherry_pick(self, branch: str, commit: str) -> None:
        """Repeat a commit on a branch; main's gate refuses it there."""
        with translated(f"cherry-pick {commit} on {branch}"):
            self._branches.cherry_pick(self.repository, branch, models.CherryPickCreation(ref=commit), _request_timeout=LONG)

    def _both_changed(self, source: str, into: str) -> list[str]:
        """The server names no path in a conflict: compare both sides with their merge base."""
        with translated(f"find the merge base of {source} and {into}"):
            base = self._refs.find_merge_base(self.repository, source, into, _request_timeout=QUICK).base_commit_id
        ours = {change.path for change in self.diff(base, source)}
        return sorted(ours & {change.path for change in self.diff(base, into)})

    # objects

    def diff(self, left: str, right: str, prefix: str = "") -> Iterator[Change]:
        """Objects that differ between two commits (two-dot)."""

        def page(after: str) -> Any:
            return self._refs.diff_refs(
                self.repository, left, right, after=after, amount=PAGE, prefix=prefix, type="two_dot",
                _request_timeout=LONG,
            )  # fmt: skip

        return (Change(item.path, item.type) for item in pages(f"diff {left}..{right}", page))

    def uncommitted(self, branch: str) -> Iterator[Change]:
        """Objects staged on a branch and not committed."""

        def page(after: str) -> Any:
            return self._branches.diff_branch(self.repository, branch, after=after, amount=PAGE, _request_timeout=LONG)

        return (Change(item.path, item.type) for item in pages(f"read what is staged on {branch}", page))

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

    def list(self, ref: str, prefix: str) -> Iterator[str]:
        """Paths of the objects under a prefix."""

        def page(after: str) -> Any:
            return self._objects.list_objects(
                self.repository, ref, prefix=prefix, after=after, amount=PAGE, user_metadata=False,
                _request_timeout=QUICK,
            )  # fmt: skip

        return (str(item.path) for item in pages(f"list {prefix} at {ref}", page))

    def folders(self, ref: str, prefix: str) -> Iterator[str]:
        """Names of the folders right below a prefix, without reading what is in them."""

        def page(after: str) -> Any:
            return self._objects.list_objects(
                self.repository, ref, prefix=prefix, delimiter="/", after=after, amount=PAGE, user_metadata=False,
                _request_timeout=QUICK,
            )  # fmt: skip

        listed = pages(f"list the folders of {prefix} at {ref}", page)
        return (str(item.path)[len(prefix) :].rstrip("/") for item in listed if item.path_type == "common_prefix")
