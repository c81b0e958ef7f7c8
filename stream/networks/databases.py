"""All configured databases: loaded, looked up, and loaded again when their files change.

A database that cannot be used is one line of the log and a metric, and everything else works
without it; one that was usable before stays in use.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stream.core.errors import DatabaseError
from stream.networks.database import Database
from stream.networks.hosting_list import HostingList
from stream.networks.lookup import DatabaseLookup
from stream.networks.metrics import DATABASES, PROBLEMS

if TYPE_CHECKING:
    from stream.intake.codec.settings import IntakeSettings
    from stream.networks.metrics import NetworkMetrics

_LOG = logging.getLogger("stream.networks")
#: Age from which a database counts as old. Assumed: they come out twice a week to once a month.
OLD_S: Final = 45 * 86400.0
_SETTINGS: Final = {
    "asn": "asn_database",
    "country": "country_database",
    "anonymiser": "anonymiser_database",
    "hosting": "hosting_networks",
}

#: A file differs from the one before in times of writing and of change, size or number. Without a
#: file: None.
Version = tuple[int, int, int, int] | None


class Databases:
    """The lookup of the moment, and its renewal; :meth:`refresh` may run in another thread."""

    def __init__(self, settings: IntakeSettings, metrics: NetworkMetrics, *, now_s: float) -> None:
        """Load what is configured; ``now_s`` is the time, epoch seconds."""
        paths = {name: getattr(settings, field) for name, field in _SETTINGS.items()}
        self._paths = {name: Path(path) for name, path in paths.items() if path}
        self._metrics = metrics
        self._versions: dict[str, Version] = {}
        self._built_s: dict[str, float] = {}
        self._problems: dict[str, str] = {}  # as logged
        self._hits = {
            (name, hit): metrics.network_lookups_total.labels(database=name, result=result)
            for name in DATABASES
            for hit, result in ((True, "hit"), (False, "miss"))
        }
        self._lookup = DatabaseLookup(self._count)
        self.refresh(now_s)

    def lookup(self) -> DatabaseLookup:
        """Return the lookup in the loaded databases; another object after a renewal."""
        return self._lookup

    def refresh(self, now_s: float) -> None:
        """Load the files that changed; note what cannot be used or is old."""
        for name, path in self._paths.items():
            version = _version(path)
            if name not in self._versions or version != self._versions[name]:
                self._versions[name] = version
                self._load(name, path)
            self._check(name, path, now_s)

    def _load(self, name: str, path: Path) -> None:
        try:
            loaded: Database | HostingList
            if name == "hosting":
                loaded = HostingList.of(path)
                self._built_s[name] = (self._versions[name] or (0,))[0] / 1e9
                if loaded.skipped:
                    _LOG.warning("%s: %d lines are no CIDR or AS number", path, loaded.skipped)
            else:
                loaded = Database(path)
                self._built_s[name] = loaded.built_s
        except DatabaseError as error:
            self._note(name, error.problem, str(error))
            return
        self._note(name, "", "")
        part: dict[str, Any] = {name: loaded}
        self._lookup = replace(self._lookup, **part)
        self._metrics.network_database_built_timestamp_seconds.labels(database=name).set(
            self._built_s[name]
        )
        _LOG.info("%s: loaded %s", _setting(name), path)

    def _check(self, name: str, path: Path, now_s: float) -> None:
        """Note what shows later: damage where an address was looked up, and age."""
        if self._problems.get(name, "") in {"missing", "damaged"}:
            return
        loaded = getattr(self._lookup, name)
        if isinstance(loaded, Database) and loaded.is_damaged:
            self._note(name, "damaged", f"{path}: some of its records cannot be read")
        elif (age_s := now_s - self._built_s[name]) > OLD_S:
            self._note(name, "old", f"{path}: {age_s / 86400:.0f} days old")

    def _note(self, name: str, problem: str, detail: str) -> None:
        """Show a problem (empty: none) as a metric, and once in the log."""
        for one in PROBLEMS:
            gauge = self._metrics.network_database_problem.labels(database=name, problem=one)
            gauge.set(one == problem)
        if problem and self._problems.get(name) != problem:
            has = "in use as it was" if getattr(self._lookup, name) else "not used"
            _LOG.warning("%s: %s; %s", _setting(name), detail, has)
        self._problems[name] = problem

    def _count(self, name: str, hit: bool) -> None:  # noqa: FBT001 - two counters
        self._hits[name, hit].inc()


def _setting(name: str) -> str:
    return f"intake.{_SETTINGS[name]}"


def _version(path: Path) -> Version:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
