"""The story: the whole loop played on real flights through Airflow, told by what the lake says afterwards."""
