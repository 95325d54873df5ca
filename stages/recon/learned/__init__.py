"""Networks of DIRECT: training, checkpoints, batches."""
