"""Serves decisions to gateways: external authorization, a stream, and a guardrail."""
