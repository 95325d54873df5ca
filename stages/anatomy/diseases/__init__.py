"""Diseases of the digital head, on its labels."""
