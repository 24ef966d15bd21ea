"""The Airflow language of lakeloop: the only place beside dags/ that imports Airflow."""
