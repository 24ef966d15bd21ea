"""Work area: a branch for what is made only to be compared; gone whatever comes of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from lakeloop.core.errors import SparkFailed
from lakeloop.core.lake import training
from lakeloop.core.runs import Run
from lakeloop.steps.platform import Platform


@contextmanager
def work_area(p: Platform, run: Run, commit: str) -> Iterator[str]:
    """A branch of the commit without a training set, deleted at the end.

    Raises:
        SparkFailed: a job inside failed; its own words speak of a task and of a branch that is kept, and here there is neither.
    """
    branch = run.branch(p.case.name)
    p.lake.create_branch(branch, commit)
    try:
        p.lake.remove(branch, list(p.lake.list(branch, f"{training(p.case.name)}/")))  # a model's tag has one
        yield branch
    except SparkFailed as error:
        words = re.split(r"; (?:\S+ is kept|nothing was written)", str(error))[0]
        message = f"{words}; the work area is gone, nothing was published. Next: mend what failed, and ask again"
        raise SparkFailed(message) from error
    finally:
        p.lake.delete_branch(branch)
