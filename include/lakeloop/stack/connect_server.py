"""The application that Spark's Connect server lives in: run by spark-submit, it ends with its JVM.

Spark's own main class gives every session a class loader. Compiled queries are kept by class loader, so each task would
compile all of its code anew, in Janino and in the JIT, and each session that ran Python would leave a daemon behind. Here
sessions bring no code of their own, so all of them share one; what a session sets, and what it runs, stays its own.
"""

import sys

from pyspark.sql import SparkSession

if __name__ == "__main__":
    SparkSession.builder.getOrCreate()  # with it the plugin begins to listen
    sys.stdin.read()  # the JVM holds the other end
