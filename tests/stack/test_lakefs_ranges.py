"""What a commit writes does not grow with the lake."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.stack.lakefs import LakefsServer

OBJECTS = 2000


def written(server: LakefsServer, repository: str) -> dict[Path, int]:
    """The metadata files of a repository, with their bytes."""
    (folder,) = server.home.glob(f"**/{repository}/_lakefs")
    return {path: path.stat().st_size for path in folder.iterdir() if path.is_file()}


def test_a_commit_of_one_object_writes_a_small_part_of_the_list_of_all(lakefs_server: LakefsServer) -> None:
    repository = "ranges"
    lake = LakeFSLake(lakefs_server.endpoint, lakefs_server.access_key_id, lakefs_server.secret_access_key, repository)
    lake.create_repository(f"local://{repository}")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: lake.put("main", f"landing/{number:04}", b""), range(OBJECTS)))
    lake.commit("main", "many", {})
    before = written(lakefs_server, repository)
    lake.put("main", "landing/1000-more", b"")
    lake.commit("main", "one", {})
    after = written(lakefs_server, repository)
    one = sum(size for path, size in after.items() if path not in before)
    assert 0 < one < sum(before.values()) / 4
