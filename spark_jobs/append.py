"""Submit mode of the append job: spark-submit append.py <spec.json> <report.json>."""

import sys

from lakeloop.spark.entry import main

main(sys.argv)
