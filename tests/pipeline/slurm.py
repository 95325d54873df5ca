"""A Slurm cluster of four nodes on the loopback of this machine, for the length of a test."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
NODES = ("n1", "n2", "n3", "n4")
PATIENCE_S = 60.0

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmdParameters=config_overrides
GresTypes=gpu
{nodes}
PartitionName=main Nodes=n[1-4] Default=YES MaxTime=INFINITE State=UP
"""

NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=2000"
    " Gres=gpu:fake:1 State=UNKNOWN"
)


def missing() -> str | None:
    """Return why no cluster can be started here; None if one can."""
    absent = [name for name in DAEMONS if daemon(name) is None]
    if absent:
        return f"Slurm is not installed: no {', '.join(absent)}"
    return None if os.geteuid() == 0 else "only root can start Slurm's daemons"


def daemon(name: str) -> str | None:
    """Return the path of a program; daemons lie outside a user's PATH."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Run a cluster of its own ports and files; yield the variables by which clients find it.

    Where this machine does not let one start (no device files, no name of its own), the test is
    skipped.
    """
    environment = dict(os.environ) | {"SLURM_CONF": str(folder / "slurm.conf")}
    with ExitStack() as stack:
        try:
            start(folder, environment, stack)
        except (OSError, AssertionError) as error:
            pytest.skip(f"Slurm does not start here: {error}")
        yield {"SLURM_CONF": environment["SLURM_CONF"]}
        until(lambda: idle(environment) == len(NODES), "the end of the last job")


def start(folder: Path, environment: dict[str, str], stack: ExitStack) -> None:
    """Start all daemons and wait for the nodes; the stack ends them."""
    configure(folder)
    stack.callback(end_steps, environment["SLURM_CONF"])  # after all daemons have ended
    key = [f"--{kind}-file={folder}/munge.{kind}" for kind in ("key", "pid", "log", "seed")]
    socket_option = f"--socket={folder}/munge.socket"
    stack.enter_context(running(["munged", "--foreground", "--force", socket_option, *key]))
    until(lambda: (folder / "munge.socket").exists(), "munged")
    stack.enter_context(running(["slurmctld", "-D", "-c"], environment))
    for node in NODES:
        stack.enter_context(running(["slurmd", "-D", "-N", node], environment))
    until(lambda: idle(environment) == len(NODES), "slurmd")


def configure(folder: Path) -> None:
    """Write the key of munge and Slurm's two configuration files."""
    host, ports = socket.gethostname().split(".")[0], free_ports(1 + len(NODES))
    (folder / "state").mkdir(parents=True)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    rows = [
        NODE.format(name=name, host=host, port=port)
        for name, port in zip(NODES, ports[1:], strict=True)
    ]
    text = CONFIGURATION.format(host=host, folder=folder, ports=ports, nodes="\n".join(rows))
    (folder / "slurm.conf").write_text(text)
    os.mknod(folder / "gpu", 0o666 | 0o020000, os.makedev(1, 3))  # a second /dev/null
    (folder / "gres.conf").write_text(f"NodeName=n[1-4] Name=gpu Type=fake File={folder}/gpu\n")


def free_ports(n: int) -> list[int]:
    """Return ports that nothing listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def idle(environment: dict[str, str]) -> int:
    """Return how many nodes are ready."""
    command = ["sinfo", "--noheader", "--Node", "--format=%N", "--states=idle"]
    asked = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return len(asked.stdout.split())


def until(done, who: str) -> None:
    """Wait for something; fail after a while."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, f"waited in vain for {who}"
        time.sleep(0.1)


def end_steps(configuration: str) -> None:
    """End the daemons of jobs, which outlive those that have started them."""
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            if process.name() == "slurmstepd" and configuration in process.environ().values():
                process.kill()


@contextmanager
def running(command: list[str], environment: dict[str, str] | None = None) -> Iterator[None]:
    """Run a daemon in the foreground; end it and what it has started."""
    process = subprocess.Popen(
        [str(daemon(command[0])), *command[1:]],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
