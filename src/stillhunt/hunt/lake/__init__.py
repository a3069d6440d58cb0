"""The lake: Parquet by day, hot and cold apart, whole after a crash at any moment."""
