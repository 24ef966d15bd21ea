"""DataFrame in, DataFrame out: the only place of the platform that speaks Spark."""
