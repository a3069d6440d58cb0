"""One file per behaviour; a detector measures, it does not judge."""
