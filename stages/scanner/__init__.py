"""The simulated scanner: receive coils and the acquisition of k-space."""
