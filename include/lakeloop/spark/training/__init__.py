"""Training in Spark: the matrix, the fit, and what is measured of it."""
