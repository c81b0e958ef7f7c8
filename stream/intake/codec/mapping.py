"""A custom format: the path of each event field, from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec import Struct

from stream.intake.codec import convert
from stream.intake.codec.format_table import BLOCKS, FIELDS, Constant, Format
from stream.intake.codec.path import Path
from stream.intake.codec.token_parts import PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.intake.codec.format_table import Identity, Source, Sources

Unit = Literal["s", "ms", "us", "ns"]

NAME: Final = "mapping"
#: The contract's names of a request's identities.
_IDENTITIES: Final[dict[str, Identity]] = {
    "account_id": "user",
    "api_key_id": "key",
    "organization_id": "organization",
    "end_user": "end_user",
    "team": "team",
}
_REQUIRED: Final = ("timestamp", "account_id", "model")
_TIMES: Final = {
    "timestamp": convert.epoch,
    "account_created_at": convert.epoch,
    "duration_s": convert.seconds,
}
#: Where access logs put credentials, under the names of headers and of nginx's variables.
_CREDENTIALS: Final = ("authorization", "http_authorization", "x-api-key", "http_x_api_key")


class MappedSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a field comes from: a path, with the unit of a time or a duration, or a constant."""

    path: str = ""
    unit: Unit | None = None
    constant: str | float | bool | None = None

    def __post_init__(self) -> None:
        """Refuse both and neither."""
        if bool(self.path) == (self.constant is not None):
            raise ValueError("expected either `path` or `constant`")
        if self.path:
            Path.parse(self.path)


#: Field or block -> its place, or several, of which the first with a value counts.
Mapping = dict[str, str | MappedSource | list[str | MappedSource]]


def format_of(mapping: Mapping) -> Format:
    """Return the format that a mapping describes; raises ValueError with the field in it."""
    fields: dict[str, Sources] = {}
    accounts: dict[Identity, Sources] = {}
    for name, places in mapping.items():
        try:
            sources = [_source(name, place) for place in _listed(places)]
        except ValueError as error:
            raise ValueError(f"mapping.{name}: {error}") from None
        if name in _IDENTITIES:
            accounts[_IDENTITIES[name]] = sources
        else:
            fields[name] = sources
    for name in _REQUIRED:
        if name not in mapping:
            raise ValueError(f"mapping.{name}: missing; needed are {', '.join(_REQUIRED)}")
    return Format(
        name=NAME,
        discriminators=_discriminators(mapping),
        fields=fields,
        accounts=accounts,
        account="user",
        credentials=_CREDENTIALS,
    )


def _listed(places: str | MappedSource | list[str | MappedSource]) -> Sequence[MappedSource]:
    listed = places if isinstance(places, list) else [places]
    return [
        place if isinstance(place, MappedSource) else MappedSource(path=place) for place in listed
    ]


def _source(name: str, place: MappedSource) -> Source:
    known = (*_IDENTITIES, *FIELDS, *PARTS, *BLOCKS)
    if name not in known:
        raise ValueError(f"no such field; known are {', '.join(known)}")
    if place.unit is not None and name not in _TIMES:
        raise ValueError("`unit` is for times and durations")
    if not place.path:
        return _constant(name, place.constant)
    if place.unit is None:
        return place.path
    return place.path, _TIMES[name](place.unit)


def _constant(name: str, value: Any) -> Constant:  # noqa: ANN401 - of any simple type
    to = FIELDS.get(name)
    converted = to(value) if to else None
    if converted is None:
        raise ValueError(f"`{value}` cannot be its constant")
    return Constant(converted)


def _discriminators(mapping: Mapping) -> list[str]:
    found = [
        Path.parse(place.path).keys[0] for place in _listed(mapping["timestamp"]) if place.path
    ]
    if not found:
        raise ValueError("mapping.timestamp: expected a path")
    return found
