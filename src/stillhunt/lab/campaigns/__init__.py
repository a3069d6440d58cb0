"""Campaigns, one file each: parts that ``lab simulate --campaign`` builds by name."""
