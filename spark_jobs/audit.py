"""Submit mode of the audit job: spark-submit audit.py <spec.json> <report.json>."""

import sys

from lakeloop.spark.entry import main

main(sys.argv)
