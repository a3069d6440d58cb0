"""The judge: what a hunt said, held against what the lab knows."""
