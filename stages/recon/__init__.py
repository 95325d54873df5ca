"""DIRECT networks by name, physics and batches on the device, training, inference."""
