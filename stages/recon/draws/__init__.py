"""Repeated reconstructions of a scan by one trained network, a module a method."""
