"""A page for people on call: incidents, their evidence, and what people say of them."""
