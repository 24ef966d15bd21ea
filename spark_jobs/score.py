"""Submit mode of the score job: spark-submit score.py <spec.json> <report.json>."""

import sys

from lakeloop.spark.entry import main

main(sys.argv)
