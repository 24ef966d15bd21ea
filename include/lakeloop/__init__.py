"""lakeloop: a batch MLOps platform on a versioned lake."""
