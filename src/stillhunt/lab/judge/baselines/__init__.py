"""What a house does without Stillhunt: one simple score per account in each file."""
