"""Brokers that the tests start: Apache Kafka, also one with users and certificates."""
