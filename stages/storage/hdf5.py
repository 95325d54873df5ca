"""HDF5: data sets whose values are all in the file itself, in about the size that they declare."""

from pathlib import Path

import h5py

# noise hardly compresses, and a partial Fourier scan is one sixth zeros: 20 is far from both, and
# far below the 1000 of deflate's best
LARGEST_RATIO = 20
SMALL_BYTES = 1 << 20  # what is declared below it may be stored in any way


def check_stored(dataset: h5py.Dataset, path: Path) -> None:
    """Raise `ValueError` unless a data set's values are all stored in the file.

    Links into other files, virtual data sets and raw files outside could be anything, and values
    that were never written read as zeros.
    """
    if Path(dataset.file.filename) != path or dataset.is_virtual or dataset.external:
        raise ValueError(f"'{dataset.name}' takes its values from another file")
    stored = dataset.id.get_storage_size()
    if dataset.nbytes > max(SMALL_BYTES, LARGEST_RATIO * stored):
        raise ValueError(
            f"'{dataset.name}' of {dataset.shape} declares {dataset.nbytes} bytes, {stored} are"
            " stored"
        )
