"""The surroundings that accounts are drawn from: networks, software, papers, ids.

Addresses are of ranges without an owner (RFC 2544, RFC 6598, RFC 1918), network numbers are
private (RFC 6996).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, overload

from stream.tools.simulate.account import Address, Paper, Software
from stream.tools.simulate.rhythms import DAY_S

if TYPE_CHECKING:
    from stream.tools.simulate.dice import Dice

_COUNTRIES = (
    *("US", "US", "US", "US", "GB", "DE", "FR", "IN", "IN", "BR", "JP", "CA", "AU"),
    *("NL", "ES", "PL", "KR", "SG", "MX", "IT", "SE", "NG", "ID", "VN"),
)
ZONES = {
    "US": -6.0, "GB": 0.0, "DE": 1.0, "FR": 1.0, "IN": 5.5, "BR": -3.0, "JP": 9.0, "CA": -5.0,
    "AU": 10.0, "NL": 1.0, "ES": 1.0, "PL": 1.0, "KR": 9.0, "SG": 8.0, "MX": -6.0, "IT": 1.0,
    "SE": 1.0, "NG": 1.0, "ID": 7.0, "VN": 7.0,
}  # fmt: skip
_CLOUDS = tuple(64512 + i for i in range(9))
_HEX = "0123456789abcdef"

SDKS = (
    "openai-python/1.51.2", "openai-python/1.58.1", "openai-python/1.40.0", "openai-node/4.67.3",
    "openai-node/4.73.0", "anthropic-python/0.39.0", "python-requests/2.32.3",
    "python-httpx/0.27.2", "langchain/0.3.7", "go-resty/2.16.2", "okhttp/4.12.0", "axios/1.7.7",
    "curl/8.7.1", "litellm/1.55.4", "java-http-client/21.0.4",
)  # fmt: skip
_BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/{v}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/{v}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.{m} Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{m} like Mac OS X) Mobile/15E148",
)

_COUNTRY_NAMES: Final = tuple(sorted(ZONES))


class Homes(Sequence[Address]):
    """The addresses of a seller of residential exits: a million lines of all access providers.

    A network of the size of a /16 belongs to one provider of one country.
    """

    _SIZE: Final = 1 << 20

    def __init__(self, salt: int) -> None:
        """``salt`` decides which lines it has."""
        self._salt = salt

    def __len__(self) -> int:
        """Return how many there are."""
        return self._SIZE

    @overload
    def __getitem__(self, index: int) -> Address: ...
    @overload
    def __getitem__(self, index: slice) -> list[Address]: ...
    def __getitem__(self, index: int | slice) -> Address | list[Address]:
        """Return one of the addresses, always the same one."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._SIZE))]
        # An odd factor mixes the index over the ranges; it visits every line once.
        line = (index * 0x9E3779B1 + self._salt) % self._SIZE
        block, rest = line % 64, line // 64
        country = _COUNTRY_NAMES[(block * 7 + self._salt) % len(_COUNTRY_NAMES)]
        asn = 64600 + _COUNTRY_NAMES.index(country) * 6 + block % 6
        third, fourth = rest % 256, rest // 256
        return Address(f"100.{64 + block}.{third}.{1 + fourth * 3}", asn, country)


@dataclass(slots=True)
class World:
    """A source of identities; every draw comes from its own dice."""

    dice: Dice
    start_s: float
    _count: int = 0

    def account_id(self) -> str:
        """Make an id that does not show the kind of the account."""
        self._count += 1
        return "acct_" + self.token(10) + format(self._count, "04x")

    def token(self, length: int) -> str:
        """Lower-case hexadecimal characters."""
        return "".join(self.dice.pick(_HEX) for _ in range(length))

    def country(self) -> str:
        """Choose a country, some more likely than others."""
        return self.dice.pick(_COUNTRIES)

    def home(self, country: str | None = None) -> Address:
        """Give an address at an access provider: a country has only a few of those."""
        d = self.dice
        country = country or self.country()
        asn = 64600 + sorted(ZONES).index(country) * 6 + min(d.below(6), d.below(6))
        return Address(f"100.{64 + d.below(64)}.{d.below(256)}.{1 + d.below(254)}", asn, country)

    def cloud(self, asn: int | None = None) -> Address:
        """Give an address in a data centre, in one of the few ranges that all rent."""
        d = self.dice
        asn = d.pick(_CLOUDS) if asn is None else asn
        return Address(
            f"198.{18 + asn % 2}.{(asn - 64512) * 20 + d.below(20)}.{1 + d.below(254)}",
            asn,
            d.pick(("US", "US", "US", "DE", "IE", "SG")),
        )

    def browser(self) -> Software:
        """Choose a browser: a few fingerprints that very many share."""
        d = self.dice
        agent = d.pick(_BROWSERS).format(v=118 + d.below(13), m=d.below(7))
        kind = 2 if "Firefox" in agent else 1 if "Chrome" in agent else 0
        return Software(
            agent, f"t13d151{kind}h2_8daaf6152771_{'b0da82dd1658' if kind else 'e5627efa2ab1'}"
        )

    def sdk(self) -> Software:
        """Choose a client library; its TLS stack is its language's."""
        d = self.dice
        agent = SDKS[min(d.below(len(SDKS)), d.below(len(SDKS)))]
        stack = sum(map(ord, agent.split("/", maxsplit=1)[0])) % 7
        return Software(agent, f"t13d1{stack}1000_85036bcba153_d41ae481755{stack}")

    def created(self, young: float = 0.06) -> float:
        """Date of creation: most accounts are months old, some came this week."""
        d = self.dice
        age_d = d.between(0.02, 7) if d.chance(young) else min(7 + d.lognormal(180, 1.0), 1400)
        return round(self.start_s - age_d * DAY_S, 0)

    def paper(self, plan: str, *, young: float = 0.06) -> Paper:
        """Papers of a person with no organisation; free plans pay nothing."""
        payment = None if plan == "free" else "pay_" + self.token(12)
        return Paper(self.created(young), plan, payment)

    def company(self) -> tuple[str, str]:
        """Found an organisation: its id and its payment id."""
        return "org_" + self.token(8), "pay_" + self.token(12)
