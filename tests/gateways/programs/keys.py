"""LiteLLM's way to know callers without a database: the key says who it is."""

from litellm.proxy._types import UserAPIKeyAuth


async def check(request, api_key):
    del request
    return UserAPIKeyAuth(api_key=api_key, user_id=f"user of {api_key}", team_id="a team")
