"""Settings: precedence, and errors that name source and setting."""

import pytest

from stream.errors import SettingsError
from stream.settings import Settings, describe, load, values


def test_nothing_given_is_the_defaults():
    assert load(None, {"PATH": "/bin", "DISTILLWATCH_CONFIG": "x"}) == Settings()


def test_environment_wins_over_file_wins_over_default(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text("[windows]\nstep_s = 30\ngrace_s = 3\n")
    found = load(file, {"DISTILLWATCH_WINDOWS_STEP_S": "20"})
    assert (found.windows.step_s, found.windows.grace_s) == (20.0, 3.0)
    assert found.windows.idle_after_s == Settings().windows.idle_after_s


def test_a_secret_comes_from_a_file_and_is_not_shown(tmp_path):
    (tmp_path / "secret").write_text("whsec_abc\n")
    found = load(None, {"DISTILLWATCH_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")})
    assert found.webhook.secret.reveal() == "whsec_abc"
    assert "whsec_abc" not in repr(found)
    assert values(found)["webhook.secret"] == "(set)"
    assert values(Settings())["webhook.secret"] == "(not set)"


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


def test_settings_that_do_not_fit_together_are_refused():
    with pytest.raises(SettingsError, match=r"environment: intake\.max_record_events: expected at"):
        load(None, {"DISTILLWATCH_TOPICS_MAX_RECORD_BYTES": "1048576"})


def test_every_setting_is_described_once_with_a_variable_of_its_own():
    found = list(describe())
    assert {one.name for one in found} == values(Settings()).keys()
    assert len({one.environment for one in found}) == len(found)
    assert all(one.meaning for one in found)
