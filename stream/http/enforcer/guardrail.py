"""LiteLLM's generic guardrail API: blocks, and adds an instruction, by configuration alone.

https://docs.litellm.ai/docs/adding_provider/generic_guardrail_api. A blocked caller gets 400, the
only status that LiteLLM has for it. Texts are looked at only to add an instruction to the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from stream.core.decisions import SubjectKind
    from stream.http.enforcer.carrying_out import Handling

PATH: Final = "/beta/litellm_basic_guardrail_api"
_BLOCKED: Final = "requests of this account are refused"
_THROTTLED: Final = "this account may send fewer requests a minute: try again in {} s"


class _Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The caller, as LiteLLM has authenticated it."""

    user_api_key_hash: str | None = None
    user_api_key_user_id: str | None = None
    user_api_key_team_id: str | None = None


class GuardrailRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a request that are read."""

    input_type: Literal["request", "response"] = "request"
    request_data: _Caller | None = None
    texts: list[str] | None = None

    @property
    def subjects(self) -> list[tuple[SubjectKind, str]]:
        """Return the caller's ids; accounts of LiteLLM's log are keys, by their hash."""
        caller = self.request_data or _Caller()
        named: tuple[tuple[SubjectKind, str | None], ...] = (
            ("account", caller.user_api_key_hash),
            ("key", caller.user_api_key_hash),
            ("user", caller.user_api_key_user_id),
            ("team", caller.user_api_key_team_id),
        )
        return [(kind, value) for kind, value in named if value]


class GuardrailAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What LiteLLM is to do."""

    action: Literal["NONE", "BLOCKED", "GUARDRAIL_INTERVENED"]
    blocked_reason: str | None = None
    texts: list[str] | None = None


read: Final = msgspec.json.Decoder(GuardrailRequest).decode


def answered(request: GuardrailRequest, outcome: Handling) -> GuardrailAnswer:
    """Return the answer to a request; answers of the model pass."""
    if request.input_type == "response":
        return GuardrailAnswer(action="NONE")
    if outcome.answer == "refused":
        return GuardrailAnswer(action="BLOCKED", blocked_reason=_BLOCKED)
    if outcome.answer == "throttled":
        return GuardrailAnswer(
            action="BLOCKED", blocked_reason=_THROTTLED.format(outcome.retry_after)
        )
    instruction = outcome.treatment.instruction
    if instruction and request.texts:
        texts = [*request.texts[:-1], f"{request.texts[-1]}\n\n{instruction}"]
        return GuardrailAnswer(action="GUARDRAIL_INTERVENED", texts=texts)
    return GuardrailAnswer(action="NONE")
