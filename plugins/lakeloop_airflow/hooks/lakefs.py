"""The lakeFS hook: a connection of type `lakefs` in, the platform's own lake client out."""

from __future__ import annotations

from airflow.sdk import BaseHook

from lakeloop.core.errors import ConfigurationError, LakeError
from lakeloop.ports import Lake


class LakeFSHook(BaseHook):
    """Opens the lake of a connection; tasks of the platform itself use its settings, not a connection."""

    conn_name_attr = "lakefs_conn_id"
    default_conn_name = "lakefs_default"
    conn_type = "lakefs"
    hook_name = "lakeFS"

    def __init__(self, lakefs_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.lakefs_conn_id = lakefs_conn_id

    def get_conn(self) -> Lake:
        """The client for the repository the connection names; nothing is asked of the server yet."""
        from lakeloop.adapters.lakefs_lake import LakeFSLake

        conn = self.get_connection(self.lakefs_conn_id)
        if not (conn.host and conn.login and conn.password and conn.schema):
            message = f"connection {self.lakefs_conn_id} needs endpoint URL, key id, secret and repository"
            raise ConfigurationError(message)
        return LakeFSLake(conn.host.rstrip("/"), conn.login, conn.password, conn.schema)

    def test_connection(self) -> tuple[bool, str]:
        """Whether main of the repository can be read."""
        try:
            head = self.get_conn().head("main")
        except (LakeError, ConfigurationError) as error:
            return False, str(error)
        return True, f"main is at {head[:12]}"
