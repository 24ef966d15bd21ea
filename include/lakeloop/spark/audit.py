"""Audit: profiles of a committed snapshot, judged date by date, with the pages that are kept as evidence."""

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from threading import Thread

from pyspark.sql import SparkSession

from lakeloop.core.jobs import AuditJob, LandedUnit
from lakeloop.core.lake import UnitId
from lakeloop.core.reports import AuditReport, UnitAudit
from lakeloop.core.use_case import UseCase
from lakeloop.spark.audit_page import TableAudit, pages
from lakeloop.spark.profiles import profiles
from lakeloop.spark.suites import judge, load_suite
from lakeloop.spark.write import AT_ONCE


def audit(job: AuditJob, spark: SparkSession, case: UseCase, suites: Path) -> AuditReport:
    """One audit a unit, in the units' order; a suite that cannot judge refuses the run before Spark is asked."""
    by_table: dict[str, list[LandedUnit]] = {}
    for unit in job.units:
        by_table.setdefault(unit.table, []).append(unit)
    asked = {name: load_suite(suites, case.name, case.table(name)) for name in by_table}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        Thread(target=import_module, args=("great_expectations",)).start()  # seconds of import, while Spark works
        measured = list(pool.map(lambda name: profiles(spark, job, case, case.table(name), by_table[name]), by_table))
    tables = [TableAudit(name, found, judge(asked[name], found)) for name, found in zip(by_table, measured, strict=True)]
    found = {
        UnitId(table.name, one.data_date): UnitAudit(
            table=table.name,
            data_date=one.data_date,
            checks=tuple(table.checks[one.data_date]),
            fingerprint=one.fingerprint,
        )
        for table in tables
        for one in table.profiles
    }
    ordered = tuple(found[UnitId(unit.table, unit.data_date)] for unit in job.units)
    return AuditReport(units=ordered, pages=pages(job, case, tables))
