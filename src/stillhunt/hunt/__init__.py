"""What happened? Logs in, sketches and findings out."""
