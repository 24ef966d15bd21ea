"""The one lakeFS client: timeouts everywhere, retries only where repeating is safe."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lakefs_sdk import models
from lakefs_sdk.api import branches_api, commits_api, refs_api, repositories_api, tags_api
from lakefs_sdk.exceptions import ApiException

from lakeloop.adapters.lakefs_lake.connection import LONG, PAGE, QUICK, client_of, commit_from, pages
from lakeloop.adapters.lakefs_lake.errors import conflict, translated
from lakeloop.adapters.lakefs_lake.kept import Kept
from lakeloop.adapters.lakefs_lake.objects import LakeObjects
from lakeloop.core.errors import AlreadyExists, NotFound
from lakeloop.core.lake import is_commit
from lakeloop.ports import At, Branch, Change, Commit

_AT_ONCE = 8


class LakeFSLake(LakeObjects):
    """ports.Lake over lakefs-sdk for one repository; in the `kept` file stands what need not be asked, or folded, twice."""

    def __init__(
        self, endpoint: str, access_key_id: str, secret_access_key: str, repository: str, kept: Path | None = None,
        code: str = "",
    ) -> None:  # fmt: skip
        client = client_of(endpoint, access_key_id, secret_access_key)
        super().__init__(client, repository)
        self._kept = Kept(kept, code) if kept else None
        self._branches = branches_api.BranchesApi(client)
        self._commits = commits_api.CommitsApi(client)
        self._refs = refs_api.RefsApi(client)
        self._repositories = repositories_api.RepositoriesApi(client)
        self._tags = tags_api.TagsApi(client)

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

    def log(self, ref: str) -> Iterator[Commit]:
        """First-parent history, newest first."""
        if self._kept is None:
            return self._log(ref)
        return self._kept.history(ref if is_commit(ref) else self.head(ref), self._log)

    def _log(self, ref: str, stop_at: str = "") -> Iterator[Commit]:
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

    def tags(self) -> Iterator[str]:
        """Names of the tags."""

        def page(after: str) -> Any:
            return self._tags.list_tags(self.repository, after=after, amount=PAGE, _request_timeout=QUICK)

        return (str(item.id) for item in pages("list tags", page))

    def tag(self, name: str, commit: str) -> None:
        """Give a commit a name that keeps it; once more is no error, the same name for another commit is."""
        try:
            with translated(f"tag {name}"):
                self._tags.create_tag(self.repository, models.TagCreation(id=name, ref=commit), _request_timeout=QUICK)
        except AlreadyExists:
            if self.commit_of(name).id != commit:
                raise

    def retag(self, name: str, commit: str) -> None:
        """Give a name to this commit, whichever had it before; a tag of lakeFS never moves, so it is made anew.

        Who is killed between the two leaves no tag, until the retry makes it: lakeFS has no call that replaces one (its
        `force` is for repositories that are read only). The commit is kept meanwhile by the branch that it is on.
        """
        try:
            if self.commit_of(name).id == commit:
                return
            with translated(f"take tag {name} away"):
                self._tags.delete_tag(self.repository, name, _request_timeout=QUICK)
        except NotFound:
            pass  # nobody has it
        self.tag(name, commit)

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

    def gather(self, wanted: Sequence[At]) -> dict[At, bytes]:
        """Small objects at commits, side by side; what is not there is left out."""
        kept = self._kept.objects(wanted) if self._kept else {}
        missing = [at for at in wanted if at not in kept]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = {at: body for at, body in zip(missing, pool.map(self._find, missing), strict=True) if body is not None}
        if found and self._kept:
            self._kept.keep(found)
        return kept | found

    def kept_state(self, of: str, commits: Sequence[str]) -> tuple[str, bytes] | None:
        """A commit at which a state of something is kept, the first of these or one that was read before, and that state."""
        return self._kept.kept_state(of, commits) if self._kept else None

    def keep_state(self, of: str, commit: str, state: bytes) -> None:
        """Keep the state of something at a commit, where anything is kept."""
        if self._kept:
            self._kept.keep_state(of, commit, state)

    def _find(self, at: At) -> bytes | None:
        try:
            return self.get(*at)
        except NotFound:
            return None
