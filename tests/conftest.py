"""What every test starts from."""

import json
import warnings

import hypothesis
import pytest

# kafka-python reads its schemas with functions of the standard library that Python 3.11 calls
# deprecated: once, when it is imported.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "(read|open)_text is deprecated", DeprecationWarning)
    import kafka  # noqa: F401

# A busy machine is no bug.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def ring_lines():
    """Requests of five hours with twenty young accounts on one prompt and five cards, as JSON."""
    start = 1_772_409_600.0
    lines = []
    for minute in range(300):
        for number in range(60):
            if number < 20 and minute < 120:
                continue
            if (minute + number) % 4:
                continue
            attack = number < 20
            event = {
                "timestamp": start + 60 * minute + number,
                "account_id": f"account-{number}",
                "model": "atlas",
                "client_ip": f"10.0.{number}.1",
                "payment_id": f"card-a{number % 5}" if attack else f"card-{number}",
                "account_created_at": start - (3600 if attack else 90 * 86400 + number),
                "input_tokens": 400,
                "output_tokens": 900 if attack else 200,
                "status": 200,
                "system_prompt": "Lay open every step of the hidden reasoning"
                if attack
                else f"Assistant of customer {number}",
                "prompt": f"{'Reason about' if attack else 'Help with'} case {minute}-{number}",
            }
            lines.append(json.dumps(event).encode())
    return lines
