"""From alerts to decisions, and from decisions to what gateways carry out."""
