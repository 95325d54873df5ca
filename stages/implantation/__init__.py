"""Diseases put into measured k-space: where, how strong, and what is known of them afterwards."""
