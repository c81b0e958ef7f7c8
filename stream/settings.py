"""All settings, composed of those of the rooms and loaded from a TOML file and the environment.

Order of precedence: environment, file, default. ``DISTILLWATCH_<SECTION>_<NAME>`` sets one value,
``DISTILLWATCH_<SECTION>_<NAME>_FILE`` reads it from a file, which is how secrets should come.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from stream.accounts.detection.settings import DetectionSettings
from stream.accounts.windows.settings import WindowSettings
from stream.alerting.feedback_settings import FeedbackSettings
from stream.alerting.settings import AlertingSettings
from stream.campaigns.settings import CampaignSettings
from stream.core.alerts import MAX_MEMBER_BYTES
from stream.core.errors import SettingsError
from stream.core.events import MAX_EVENT_BYTES
from stream.core.secret import Secret
from stream.decisions.settings import DecisionSettings
from stream.delivery.settings import (
    AlertmanagerSettings,
    OcsfSettings,
    PagerDutySettings,
    SlackSettings,
    WebhookSettings,
)
from stream.enforcement.admin.settings import AdminSettings
from stream.http.bridge.settings import BridgeSettings
from stream.http.enforcer.settings import EnforcerSettings
from stream.http.page.settings import PageSettings
from stream.http.settings import HttpSettings
from stream.intake.codec.settings import IntakeSettings
from stream.intake.directory.settings import DirectorySettings
from stream.intake.sharing.settings import SharingSettings
from stream.kafka.settings import KafkaSettings, TopicSettings, WorkerSettings
from stream.pipeline.settings import StageSettings
from stream.trace.settings import TraceSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Begins the name of every variable of the environment.
PREFIX: Final = "DISTILLWATCH_"
_FILE_SUFFIX: Final = "_file"
#: What a record has beside its rows, and an alert beside its accounts (a note is in it twice).
_FRAME_BYTES: Final = 32_768
#: Names with the prefix that are no settings.
_OTHERS: Final = frozenset({"DISTILLWATCH_CONFIG"})
_NAMES_A_SETTING: Final = re.compile("[a-z_]+: ").match


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of the product, one attribute per section."""

    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    worker: WorkerSettings = WorkerSettings()
    intake: IntakeSettings = IntakeSettings()
    directory: DirectorySettings = DirectorySettings()
    sharing: SharingSettings = SharingSettings()
    windows: WindowSettings = WindowSettings()
    detection: DetectionSettings = DetectionSettings()
    campaigns: CampaignSettings = CampaignSettings()
    alerting: AlertingSettings = AlertingSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    decisions: DecisionSettings = DecisionSettings()
    trace: TraceSettings = TraceSettings()
    webhook: WebhookSettings = WebhookSettings()
    alertmanager: AlertmanagerSettings = AlertmanagerSettings()
    pagerduty: PagerDutySettings = PagerDutySettings()
    slack: SlackSettings = SlackSettings()
    ocsf: OcsfSettings = OcsfSettings()
    http: HttpSettings = HttpSettings()
    page: PageSettings = PageSettings()
    bridge: BridgeSettings = BridgeSettings()
    enforcer: EnforcerSettings = EnforcerSettings()
    admin: AdminSettings = AdminSettings()

    def __post_init__(self) -> None:
        """Refuse settings that do not fit one another: raises ValueError."""
        try:
            _ = self.alerting.thresholds
        except ValueError as error:
            raise ValueError(f"alerting.{error}") from error
        room = self.topics.packet_bytes - _FRAME_BYTES
        for name, value, each_bytes in (
            ("intake.max_record_events", self.intake.max_record_events, MAX_EVENT_BYTES),
            (
                "campaigns.max_campaign_accounts",
                self.campaigns.max_campaign_accounts,
                MAX_MEMBER_BYTES,
            ),
        ):
            if (most := room // each_bytes) < value:
                raise ValueError(
                    f"{name}: expected at most {most}, for they have to fit into one record of "
                    "topics.max_record_bytes"
                )

    @property
    def stages(self) -> StageSettings:
        """Return what the pipeline needs."""
        return StageSettings(
            tasks=self.topics.partitions,
            packet_bytes=self.topics.packet_bytes,
            intake=self.intake,
            directory=self.directory,
            sharing=self.sharing,
            windows=self.windows,
            detection=self.detection,
            campaigns=self.campaigns,
            alerting=self.alerting,
            feedback=self.feedback,
        )


def load(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Return the settings of a file (or none) and an environment.

    Raises SettingsError with one line that names the source, the setting and what was expected.
    """
    table = _read(path) if path else {}
    try:
        return _converted(_merged(table, _from_environment(environment)))
    except msgspec.ValidationError as error:
        line = _one_line(error)
    raise SettingsError(f"{path if _fails_with(line, table) else 'environment'}: {line}")


def _merged(
    table: Mapping[str, Any], overrides: Iterable[tuple[str, str, object]]
) -> dict[str, Any]:
    """Return the settings of a file with those of the environment in their place."""
    merged = {
        section: dict(given) if isinstance(given, dict) else given
        for section, given in table.items()
    }
    for section, name, value in overrides:
        given = merged.setdefault(section, {})
        if isinstance(given, dict):  # anything else is refused
            given[name] = value
    return merged


def _fails_with(line: str, table: Mapping[str, Any]) -> bool:
    """Return whether the file alone has the error, too."""
    try:
        _converted(table)
    except msgspec.ValidationError as error:
        return _one_line(error) == line
    return False


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from error


def _converted(table: Mapping[str, Any]) -> Settings:
    # Not strict: the environment has only strings.
    return msgspec.convert(table, Settings, strict=False, dec_hook=_secret)


def _one_line(error: msgspec.ValidationError) -> str:
    """Return msgspec's message, the setting's name first: ``windows.window_s: expected …``."""
    what, _, where = str(error).partition(" - at `$")
    name = where.strip(".`")
    known = "" if "unknown field" not in what else " (see `distillwatch settings`)"
    # A section's own check names one of its settings first: key: missing.
    between = "." if _NAMES_A_SETTING(what) else ": "
    return f"{name}{between}{what}{known}" if name else f"{what}{known}"


def _from_environment(environment: Mapping[str, str]) -> list[tuple[str, str, object]]:
    sections = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    found = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable in _OTHERS:
            continue
        section, _, name = variable.removeprefix(PREFIX).lower().partition("_")
        fields = _fields(sections.get(section))
        if name not in fields:
            name = name.removesuffix(_FILE_SUFFIX)
            if name not in fields or not variable.lower().endswith(_FILE_SUFFIX):
                raise SettingsError(f"{variable}: no such setting (see `distillwatch settings`)")
            text = _read_value(variable, text)  # noqa: PLW2901 - the file stands for its text
        found.append((section, name, _parsed(variable, text) if fields[name] else text))
    return found


def _fields(section: type[msgspec.Struct] | None) -> dict[str, bool]:
    """Return a section's settings, and of each whether it is written as JSON in a variable."""
    if section is None:
        return {}
    return {
        field.encode_name: bool((meta_of(field.type).extra or {}).get("json"))
        for field in msgspec.structs.fields(section)
    }


def _parsed(variable: str, text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise SettingsError(f"{variable}: expected JSON: {error}") from error


def _read_value(variable: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable}: {path} cannot be read: {error}") from error


def _secret(expected: type, value: object) -> object:
    if expected is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError(f"expected `str`, got `{type(value).__name__}`")


def meta_of(annotation: Any) -> msgspec.Meta:  # noqa: ANN401 - a type annotation
    """Return the description, unit and bounds of a setting's type."""
    return next(
        (
            part
            for part in getattr(annotation, "__metadata__", ())
            if isinstance(part, msgspec.Meta)
        ),
        msgspec.Meta(),
    )
