"""The largest memory that a process has taken."""

STATUS = "/proc/self/status"  # the kernel's account of this process


def peak_bytes(status: str) -> int:
    """Return the largest memory that a process has taken, from the kernel's account of it.

    Unlike `ru_maxrss` it leaves out what the parent had when it started the process.
    """
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])
