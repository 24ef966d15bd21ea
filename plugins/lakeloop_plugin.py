"""The one Airflow plugin: it makes the links of our tasks known to the web server."""

from airflow.plugins_manager import AirflowPlugin

from lakeloop_airflow.links import LINKS


class LakeloopPlugin(AirflowPlugin):
    """What Airflow has to know of us beside the provider; the DAGs' words are in `lakeloop_airflow`."""

    name = "lakeloop"
    operator_extra_links = list(LINKS)
