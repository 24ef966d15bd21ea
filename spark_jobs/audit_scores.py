"""Submit mode of the audit_scores job: spark-submit audit_scores.py <spec.json> <report.json>."""

import sys

from lakeloop.spark.entry import main

main(sys.argv)
