"""Model cards: hand-written text whose every number comes from parameters, weights and metrics."""
