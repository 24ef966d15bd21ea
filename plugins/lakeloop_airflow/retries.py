"""Which failures are tried again: those of the machinery, never those of the data."""

from datetime import timedelta

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

RETRIES = 2
RETRY_DELAY = timedelta(seconds=5)

# Everything else fails at once: a refusal, a bad input or a bug answers the same again. A task that was killed
# never reaches these rules, and is tried again by Airflow itself.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[
                "lakeloop.core.errors.Unavailable",
                "lakeloop.core.errors.SourceFailed",
                "lakeloop.core.errors.MachineFailed",
                "lakeloop.core.errors.SparkFailed",
                "lakeloop.core.errors.RegistryFailed",
                "lakeloop.core.errors.LeaseLost",
                "lakeloop.core.errors.StaleHead",
                "builtins.ConnectionError",
                "builtins.TimeoutError",
                "lakeloop.core.errors.DatabaseFailed",
                "airflow.sdk.exceptions.AirflowTaskTimeout",
            ],
            action=RetryAction.RETRY,
            reason="a part of the platform did not answer",
        ),
        RetryRule(exception="builtins.BaseException", action=RetryAction.FAIL, reason="the same again would answer the same"),
    ]
)
