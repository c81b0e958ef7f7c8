"""Connections to Kafka and the topics there: settings, provisioning and errors for people."""
