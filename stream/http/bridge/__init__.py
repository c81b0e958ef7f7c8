"""An HTTP intake for gateways that cannot write to Kafka: bodies in, records of the topic out."""
