"""Files: written whole or not at all, read with suspicion; NIfTI, BIDS, HDF5, tables."""
