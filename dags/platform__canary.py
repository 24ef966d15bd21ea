"""One trivial task: `lakeloop up` triggers it, since only a task that ran proves that Airflow works."""

from airflow.sdk import dag, task


@dag(schedule=None, catchup=False, tags=["platform"], default_args={"owner": "platform"}, max_active_runs=1)
def platform__canary():
    """Runs when the stack comes up, and whenever somebody wants to know whether tasks run at all."""

    @task(retries=0)
    def sing() -> str:
        """Returns a word, so that storing a result is proved too."""
        return "alive"

    sing()


platform__canary()
