"""Speed and memory beside named peers: ``./dev bench [NAME ...]``."""
