"""File formats of k-space."""
