"""Calls a model with the official client and the official instrumentation, as an application does.

``traced.py BASE_URL TENANT...``: two calls for each tenant; prints what each answer said of tokens.
"""

import json
import sys

from openai import OpenAI, OpenAIError
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

base_url, *tenants = sys.argv[1:]
client = OpenAI(base_url=base_url, api_key="sk-application", max_retries=0)
for tenant in tenants:
    provider = TracerProvider(resource=Resource.create({"tenant.id": tenant}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    for number in range(2):
        answer = client.chat.completions.create(
            model="small",
            messages=[
                {"role": "system", "content": f"You serve {tenant}."},
                {"role": "user", "content": f"question {number} of {tenant}"},
            ],
            temperature=0.25,
            max_tokens=17,
        )
        usage = answer.usage
        print(json.dumps([tenant, usage.prompt_tokens, usage.completion_tokens]))
    try:
        client.chat.completions.create(model="none", messages=[{"role": "user", "content": "x"}])
    except OpenAIError:
        print(json.dumps([tenant, None, None]))
    provider.shutdown()
    OpenAIInstrumentor().uninstrument()
