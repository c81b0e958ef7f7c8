"""Settings: precedence, errors that name source and setting, and the text that shows them."""

import json
import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.cli.describe import describe
from stream.cli.toml import literal, toml_text
from stream.core.errors import SettingsError
from stream.settings import Settings, load
from testlib.deployment.secret_settings import secrets


def spaced(settings):
    """Return the text of settings with runs of spaces as two."""
    return re.sub("  +", "  ", toml_text(settings))


def test_nothing_given_is_the_defaults():
    assert load(None, {"PATH": "/bin", "DISTILLWATCH_CONFIG": "x"}) == Settings()


def test_environment_wins_over_file_wins_over_default(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text("[windows]\nwindow_s = 30\nallowed_lateness_s = 3\n")
    found = load(file, {"DISTILLWATCH_WINDOWS_WINDOW_S": "20"})
    assert (found.windows.window_s, found.windows.allowed_lateness_s) == (20.0, 3.0)
    assert found.windows.idle_timeout_s == Settings().windows.idle_timeout_s


def test_a_secret_comes_from_a_file_and_is_not_shown(tmp_path):
    (tmp_path / "secret").write_text("whsec_abc\n")
    found = load(None, {"DISTILLWATCH_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")})
    assert found.webhook.secret.reveal() == "whsec_abc"
    assert "whsec_abc" not in repr(found)
    assert "whsec_abc" not in toml_text(found)
    assert '# secret = "…"  # set, secret, DISTILLWATCH_WEBHOOK_SECRET: ' in spaced(found)
    assert '# secret = "…"  # not set, secret, ' in spaced(Settings())


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DISTILLWATCH_NOPE", "1", "DISTILLWATCH_NOPE: no such setting"),
        ("DISTILLWATCH_KAFKA_FILE", "1", "DISTILLWATCH_KAFKA_FILE: no such setting"),
        ("DISTILLWATCH_HTTP_PORT", "70000", "http.port"),
        ("DISTILLWATCH_KAFKA_TRANSACTIONS", "perhaps", "kafka.transactions"),
    ],
)
def test_a_bad_variable_is_named(variable, value, said):
    with pytest.raises(SettingsError, match=said):
        load(None, {variable: value})


def test_a_file_may_need_a_secret_that_the_environment_has(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text("[trace]\nenabled = true\n")
    found = load(file, {"DISTILLWATCH_TRACE_KEY": "k" * 32})
    assert (found.trace.enabled, found.trace.key.reveal()) == (True, "k" * 32)


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        ("[trace]\nenabled = true\n", {}, "{file}: trace.key: missing"),
        (
            "[trace]\nenabled = true\n",
            {"DISTILLWATCH_HTTP_PORT": "1"},
            "{file}: trace.key: missing",
        ),
        ("", {"DISTILLWATCH_TRACE_ENABLED": "true"}, "environment: trace.key: missing"),
        ("trace = 3\n", {"DISTILLWATCH_TRACE_ENABLED": "true"}, "{file}: trace: Expected"),
        ("[nope]\na = 1\n", {"DISTILLWATCH_HTTP_PORT": "1"}, "{file}: Object contains unknown"),
        ("[http]\nport = 70000\n", {"DISTILLWATCH_KAFKA_TRANSACTIONS": "no"}, "{file}: http.port"),
    ],
)
def test_a_setting_that_is_refused_is_named_with_its_source(text, environment, said, tmp_path):
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as error:
        load(file, environment)
    assert str(error.value).startswith(said.format(file=file))


def test_settings_that_do_not_fit_together_are_refused():
    with pytest.raises(SettingsError, match=r"environment: intake\.max_record_events: expected at"):
        load(None, {"DISTILLWATCH_TOPICS_MAX_RECORD_BYTES": "1048576"})


def test_an_incident_closes_below_the_score_that_opens_it():
    with pytest.raises(SettingsError, match=r"alerting.clear_score: expected less than .*0\.6"):
        load(
            None,
            {
                "DISTILLWATCH_ALERTING_OPEN_SCORE": "0.6",
                "DISTILLWATCH_ALERTING_CLEAR_SCORE": "0.7",
            },
        )


def test_every_setting_is_described_once_with_a_variable_of_its_own():
    found = list(describe())
    assert [one.name for one in found] == [
        f"{section}.{name}"
        for section in Settings.__struct_fields__
        for name in getattr(Settings(), section).__struct_fields__
    ]
    assert len({one.environment for one in found}) == len(found)
    assert all(one.meaning for one in found)


# -- as TOML -----------------------------------------------------------------------------------

MAPPING = {
    "timestamp": {"path": "time", "unit": "ms"},
    "account_id": ["a.b", 'say "who"', "C:\\keys\t#1"],
    "model": {"constant": "é→\x7f"},
}
CHANGED = {
    "DISTILLWATCH_KAFKA_TRANSACTIONS": "false",
    "DISTILLWATCH_WINDOWS_WINDOW_S": "20.5",
    "DISTILLWATCH_ALERTING_RUNBOOK_URL": 'https://example.org/?a=1#b"c',
    "DISTILLWATCH_INTAKE_MAPPING": json.dumps(MAPPING),
}


@pytest.mark.parametrize("environment", [{}, CHANGED])
def test_what_is_printed_is_a_file_with_the_same_settings(environment, tmp_path):
    found = load(None, environment)
    (tmp_path / "s.toml").write_text(toml_text(found))
    assert load(tmp_path / "s.toml", {}) == found


def test_a_file_says_every_setting_but_secrets():
    found = tomllib.loads(toml_text(load(None, CHANGED)))
    said = {f"{section}.{name}" for section, part in found.items() for name in part}
    assert {one.name for one in describe()} - said == secrets()


def test_each_line_says_value_unit_meaning_and_default():
    text = spaced(load(None, CHANGED))
    setting = next(one for one in describe() if one.name == "windows.window_s")
    assert f"window_s = 20.5  # s: {setting.meaning} (default {float(setting.default)})\n" in text


@given(
    st.recursive(
        st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_plain_value_is_read_back(value):
    assert tomllib.loads(f"a = {literal(value)}  # b")["a"] == value
