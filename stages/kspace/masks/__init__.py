"""Sampling masks: their kinds, and their files."""
