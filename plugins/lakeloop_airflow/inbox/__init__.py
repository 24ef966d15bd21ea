"""A Slack-compatible inbox on loopback: what it takes, keeps and shows; it imports no Airflow."""
