"""Submit mode of the feature skew job: spark-submit feature_skew.py <spec.json> <report.json>."""

import sys

from lakeloop.spark.entry import main

main(sys.argv)
