"""One file per log format: a projection from numbered lines to the columns of the exchange."""
