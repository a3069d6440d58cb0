"""What people see: the report as JSON, in the terminal and as one page."""
