"""The tail: logs followed as they grow, and findings while they happen."""
