"""Submit mode of the fingerprint job: spark-submit fingerprint.py <spec.json> <report.json>."""

import sys

from lakeloop.spark.entry import main

main(sys.argv)
