"""Rules about sessions and API keys that stand once: their SQL says what their Python says."""
