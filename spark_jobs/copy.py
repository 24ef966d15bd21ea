"""Submit mode of the copy job: spark-submit copy.py <spec.json> <report.json>."""

import sys

from lakeloop.spark.entry import main

main(sys.argv)
