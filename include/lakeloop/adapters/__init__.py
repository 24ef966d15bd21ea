"""One file per outside tool; adapters translate and do nothing else."""
