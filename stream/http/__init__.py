"""What the product serves over HTTP: metrics and probes, the incident page, the bridge."""
