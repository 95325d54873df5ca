"""How long each command of the study took here: notes beside the results, which DVC does not track.

A duration differs from run to run, so it may stand in no output of a stage. One file a command, put
in place at once, so that stages may run side by side, on several machines too.
"""

import resource
from importlib.machinery import ModuleSpec

from stages.storage.files import write_json
from stages.study import layout

KIB_IN_MIB = 1024  # Linux tells resident memory in KiB, getrusage(2)


def note(script: ModuleSpec | None, arguments: list[str], seconds: float) -> None:
    """Write seconds, CPU seconds and peak memory (MiB) of this process to `work/durations`.

    Only where the study runs: where stage `code` has left its records.

    Args:
        script: of `python -m stages.<name>`; a file that is run by its path has none.
        arguments: of the command.
        seconds: wall time.
    """
    if script is None or not layout.CODE.is_dir():
        return
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    command = " ".join([script.name.split(".")[-1], *arguments])
    content = {
        "seconds": seconds,
        "cpu_seconds": sum(usage.ru_utime + usage.ru_stime for usage in usages),
        "peak_mib": max(usage.ru_maxrss for usage in usages) / KIB_IN_MIB,
    }
    write_json(layout.duration(command), content)
