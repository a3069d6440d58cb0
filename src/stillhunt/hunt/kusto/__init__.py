"""Plans in the Kusto Query Language, for the logs that a Log Analytics workspace holds."""
