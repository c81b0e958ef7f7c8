"""The view across accounts: rare values that link them, clusters of accounts, their judgement."""
