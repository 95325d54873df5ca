"""Running the study on many machines, and what that will cost: the graph of stages and its jobs."""
