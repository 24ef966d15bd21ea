"""Submit mode of the evidence job: spark-submit evidence.py <spec.json> <report.json>."""

import sys

from lakeloop.spark.entry import main

main(sys.argv)
