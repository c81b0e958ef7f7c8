"""Names of the techniques in alerts, for receivers that want them beside the ids."""

from __future__ import annotations

from typing import Final

#: MITRE ATLAS.
ATLAS: Final = {
    "AML.T0008": "Acquire Infrastructure",
    "AML.T0008.005": "AI Service Proxies",
    "AML.T0024": "Exfiltration via AI Inference API",
    "AML.T0024.002": "Extract AI Model",
    "AML.T0040": "AI Model Inference API Access",
}
#: OWASP Top 10 for LLM applications 2025.
OWASP: Final = {"LLM10:2025": "Unbounded Consumption"}
