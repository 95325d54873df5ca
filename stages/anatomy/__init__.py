"""The digital phantom: geometry, tissue and warps."""
