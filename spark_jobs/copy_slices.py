"""Submit mode of the copy job: spark-submit copy_slices.py <spec.json> <report.json>; `copy.py` would hide a standard module."""

import sys

from lakeloop.spark.entry import main

main(sys.argv)
