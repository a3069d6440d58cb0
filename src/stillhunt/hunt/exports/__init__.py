"""Targets that rules are written for, one file each."""
