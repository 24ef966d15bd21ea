"""Submit mode of the write job: spark-submit write.py <spec.json> <report.json>."""

import sys

from lakeloop.spark.entry import main

main(sys.argv)
