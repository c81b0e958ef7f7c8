"""Logs that resemble a supported format: rejected with their name, and what to send instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

LANGFUSE: Final = "Langfuse's export of observations"
LOGPUSH: Final = "Cloudflare's Logpush, which is encrypted (its log objects are read)"
CALLBACK: Final = "the arguments of a LiteLLM callback (their standard_logging_object is read)"

#: Top-level keys, all of which an object has -> what it is.
_SIBLINGS: Final = (
    (("traceId", "parentObservationId"), LANGFUSE),
    (("usageDetails", "startTime"), LANGFUSE),
    (("dotted_order", "run_type"), "LangSmith's export of runs"),
    (("run_type", "start_time"), "LangSmith's export of runs"),
    (("schemaType", "modelId"), "Bedrock's log of model invocations"),
    (("EncryptedRequestBody",), LOGPUSH),
    (("RequestBody", "Gateway", "Datetime"), LOGPUSH),
    (("api_requests", "spend", "date"), "LiteLLM's daily spend: sums, not calls"),
    (("breakdown", "metrics", "date"), "LiteLLM's daily activity: sums, not calls"),
    (("litellm_params", "litellm_call_id"), CALLBACK),
    (("start_time", "end_time", "results"), "a provider's usage report: sums, not calls"),
    (("n_context_tokens_total",), "OpenAI's usage export: sums, not calls"),
    (("custom_id", "response"), "results of a batch: they name no caller"),
    (("custom_id", "body"), "requests of a batch: they name no caller"),
    (("custom_id", "params"), "requests of a batch: they name no caller"),
    (("resource_spans",), "OTLP with snake_case names, which no exporter writes as JSON"),
    (("operationName", "resourceId"), "Azure Monitor's diagnostic log"),
    (("messages",), "a training set or a bare request: it names no caller"),
)


def named(keys: Collection[str]) -> str:
    """Return the name of a log by the top-level keys of an object; empty if unknown."""
    return next((name for every, name in _SIBLINGS if all(key in keys for key in every)), "")
