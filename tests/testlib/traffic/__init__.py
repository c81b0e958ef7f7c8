"""Events to feed the product with: accounts, gateways' samples, floods and garbage."""
