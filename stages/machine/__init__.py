"""What the study asks of the machine it runs on: memory, threads, devices, command lines."""
