"""LiteLLM's own code of /key/update and /key/info, without its database.

For each line `{"row": ..., "body": ...}` it prints the key's row afterwards, as /key/info has it,
or `{"refused": why}` where LiteLLM does not take the body.
"""

import asyncio
import json
import sys

from litellm.proxy._types import LiteLLM_VerificationToken
from litellm.proxy.management_endpoints.key_management_endpoints import prepare_key_update_data
from litellm.types.proxy.management_endpoints.key_requests import UpdateKeyRequest
from pydantic import ValidationError


def updated(row: dict, body: dict) -> dict:
    unknown = body.keys() - UpdateKeyRequest.model_fields.keys()
    if unknown:  # LiteLLM ignores them silently
        return {"refused": sorted(unknown)}
    try:
        data = UpdateKeyRequest.model_validate(body, strict=True)
    except ValidationError as error:
        return {"refused": str(error)}
    stored = LiteLLM_VerificationToken(token=body["key"], **row)
    values = asyncio.run(prepare_key_update_data(data=data, existing_key_row=stored))
    after = LiteLLM_VerificationToken.model_validate({**stored.model_dump(), **values})
    info = json.loads(after.model_dump_json())
    info.pop("token")
    return info


for line in sys.stdin:
    given = json.loads(line)
    print(json.dumps(updated(given["row"], given["body"])), flush=True)
