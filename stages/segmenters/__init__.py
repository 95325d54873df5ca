"""Segmenters behind one protocol."""
