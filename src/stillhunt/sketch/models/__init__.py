"""Text models that run at ingest, because later the text is gone."""
