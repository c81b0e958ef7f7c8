"""What may be shared with other operators, and what they have shared: at intake, with the text."""
