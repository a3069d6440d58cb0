"""Groups of accounts that act as one: how they are found, tested and told."""
