"""The red team: populations with known truth."""
