"""Rules about sessions and API keys have the same result in SQL and Python."""
