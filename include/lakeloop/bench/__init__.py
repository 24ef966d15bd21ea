"""The bench: the platform against a bare Spark job on the same machine, in one run, as ratios."""
