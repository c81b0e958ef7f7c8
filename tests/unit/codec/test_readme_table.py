"""The table of gateways and fields is what the samples of each gateway decode to."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import yaml

from stream.intake.codec.format_table import IDENTITIES
from stream.intake.codec.gateways import GATEWAYS
from stream.intake.codec.gateways.genai import GENAI
from stream.intake.codec.settings import Format, IntakeSettings
from stream.intake.metrics import FORMATS
from stream.telemetry.declaration import OVERFLOW
from testlib.traffic.gateway_samples import MAPPING, decode, known, of

ROOT = Path(__file__).parents[3]
GUIDES = ROOT / "deploy" / "gateways"
PAGE = (GUIDES / "README.md").read_text()
#: Format -> (name, guide, what its samples were made from).
ROWS = {
    "litellm": ("LiteLLM", "litellm.md", "the real proxy, 1.106 and 1.108"),
    "kong": ("Kong AI Proxy", "kong.md", "source, documentation"),
    "apisix": ("APISIX ai-proxy", "apisix.md", "source, documentation"),
    "envoy": ("Envoy AI Gateway", "envoy-ai-gateway.md", "documentation"),
    "otlp": (
        "OpenTelemetry GenAI",
        "opentelemetry.md",
        "the real client and collector",
    ),
    "portkey": ("Portkey export", "portkey.md", "documentation"),
    "helicone": ("Helicone row", "helicone.md", "source"),
    "cloudflare": ("Cloudflare log object", "cloudflare.md", "documentation"),
}
#: Column -> the fields that it is about: one of each group has to be there.
COLUMNS = {
    "time": [{"timestamp"}],
    "model": [{"model"}],
    "tokens": [{"input_tokens"}, {"output_tokens"}],
    "status": [{"status"}],
    "latency": [{"duration_s"}],
    "address": [{"client_ip"}],
    "user agent": [{"user_agent"}],
    "prompt": [{"prompt"}],
    "parameters": [{"temperature", "max_tokens", "logprobs"}],
}


def mark(found, groups):
    """Return ● when every event has the fields, ○ when some have, and nothing when none has."""
    has = [all(group & event.keys() for group in groups) for event in found]
    return "●" if all(has) else "○" if any(has) else " "


def account(form):
    """Return the default identity with its first source, and the other identities."""
    source = form.accounts[form.account][0]
    others = [
        name.replace("_", " ")
        for name in IDENTITIES
        if name in form.accounts and name != form.account
    ]
    default = f"{form.account.replace('_', ' ')} `{source.lstrip('/')}`"
    return f"{default}; {', '.join(others)}" if others else default


def row(form):
    name, guide, origin = ROWS[form.name]
    records = [json.dumps(row).encode() for row in of(form.name)]
    found = [known(event) for event in decode(*records).events]
    marks = [mark(found, groups) for groups in COLUMNS.values()]
    cells = [f"[{name}]({guide})", f"`{form.name}`", account(form), *marks, origin]
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("form", [*GATEWAYS, GENAI], ids=lambda form: form.name)
def test_each_row_is_what_was_decoded(form):
    assert row(form) in PAGE.splitlines()


def test_the_header_names_the_columns():
    header = ["log", "`intake.format`", "account by default; others", *COLUMNS, "samples from"]
    assert f"| {' | '.join(header)} |" in PAGE.splitlines()


def test_every_format_is_a_setting_and_a_label():
    names = {"canonical", *ROWS, "mapping"}
    assert set(get_args(Format)) == names | {"auto"}
    assert set(FORMATS) == names | {"unknown", OVERFLOW}
    assert {form.name for form in (*GATEWAYS, GENAI)} == set(ROWS)


def blocks(language):
    return [
        pytest.param(block, id=f"{path.stem}-{number}")
        for path in sorted(GUIDES.glob("*.md"))
        for number, block in enumerate(
            re.findall(rf"```{language}\n(.*?)```", path.read_text(), re.DOTALL)
        )
    ]


@pytest.mark.parametrize("block", blocks("yaml"))
def test_the_guides_yaml_is_yaml(block):
    assert all(isinstance(document, dict) for document in yaml.safe_load_all(block))


@pytest.mark.parametrize("block", blocks("toml"))
def test_the_guides_toml_is_toml_and_their_mapping_is_the_tested_one(block):
    settings = tomllib.loads(block)
    if "intake" in settings:
        assert settings["intake"]["mapping"] == MAPPING
        msgspec.convert(settings["intake"], IntakeSettings)


def test_the_guides_name_settings_and_formats_that_exist():
    names = set(IntakeSettings.__struct_fields__)
    for path in GUIDES.glob("*.md"):
        for name in re.findall(r"intake\.([a-z_]+)", path.read_text()):
            assert name in names, (path.name, name)
        for value in re.findall(r'intake\.account = "([^"]+)"', path.read_text()):
            msgspec.convert({"account": value}, IntakeSettings)


def test_every_guide_is_in_the_list():
    listed = set(re.findall(r"\]\(([a-z-]+\.md)\)", PAGE))
    assert sorted(listed) == sorted(
        path.name for path in GUIDES.glob("*.md") if path.name != "README.md"
    )
