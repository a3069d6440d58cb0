"""What a person is told, and how it gets there: findings leave the house through sinks."""
