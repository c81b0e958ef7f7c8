"""The state of the operator's databases of networks, and their use."""

from __future__ import annotations

from typing import Final

from stream.telemetry.declaration import counter, gauge
from stream.telemetry.metric_set import MetricSet

#: The databases by the end of their settings' names.
DATABASES: Final = ("asn", "country", "anonymiser", "hosting")
PROBLEMS: Final = ("missing", "damaged", "old")


class NetworkMetrics(MetricSet):
    """Databases of networks, and what is found in them."""

    network_database_built_timestamp_seconds = gauge(
        meaning="Time when a database of networks was built (epoch), of a text file when it was "
        "written; 0: not configured or never usable",
        remedy="More than 45 days ago: the job that downloads it fails",
        unit="seconds",
        labels={"database": DATABASES},
        combine="max",
    )
    network_database_problem = gauge(
        meaning="1 while a configured database of networks is missing, damaged or old; the worker "
        "works without it, or with the last that was usable",
        remedy="The log names the file: mount it, or download it again, beside it and then renamed",
        unit="boolean",
        labels={"database": DATABASES, "problem": PROBLEMS},
        combine="max",
    )
    network_lookups_total = counter(
        meaning="Addresses that were looked up, by database and whether it knows them; each is "
        "looked up again only after many others",
        remedy="Few hits: the gateway logs the address of a proxy of your own, or the database is "
        "old",
        unit="addresses",
        labels={"database": DATABASES, "result": ("hit", "miss")},
    )
