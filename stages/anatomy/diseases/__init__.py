"""Diseases of the digital phantom, on its labels."""
