"""Submit mode of the train job: spark-submit train.py <spec.json> <report.json>."""

import sys

from lakeloop.spark.entry import main

main(sys.argv)
