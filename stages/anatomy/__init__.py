"""The digital head: geometry, tissue and warps."""
