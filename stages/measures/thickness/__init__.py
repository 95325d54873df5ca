"""Thickness of the cerebral cortex from label maps or fractions of tissue."""
