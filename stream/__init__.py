"""distillwatch: finds the accounts that extract a model through an LLM gateway."""

__version__ = "0.1.0"
