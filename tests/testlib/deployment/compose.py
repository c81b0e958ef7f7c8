"""compose.yaml as its services, with the defaults of its variables."""

from __future__ import annotations

import re

import yaml

from testlib.paths import DEPLOY

COMPOSE = DEPLOY / "compose.yaml"
TEXT = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", COMPOSE.read_text())
SERVICES = yaml.safe_load(TEXT)["services"]
VOLUMES = yaml.safe_load(TEXT)["volumes"]
#: Those that run the product.
OURS = {name for name, service in SERVICES.items() if "build" in service}
#: What the image of Apache Kafka makes of the broker's variables.
BROKER = {
    name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
    for name, value in SERVICES["kafka"]["environment"].items()
    if name.startswith("KAFKA_")
}
