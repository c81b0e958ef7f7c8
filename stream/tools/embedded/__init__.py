"""A Kafka-compatible broker for the demo and for tests: memory only, never for production."""
