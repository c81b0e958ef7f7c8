"""A month in hours: benign traffic and a campaign a week on real brokers, while parts fail."""
