"""Submit mode of the update job: spark-submit update.py <spec.json> <report.json>."""

import sys

from lakeloop.spark.entry import main

main(sys.argv)
