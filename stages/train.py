"""Train one member of an ensemble.

python -m stages.train unet 3
"""

from stages.machine.arguments import member_argument
from stages.machine.device import prepare
from stages.machine.entry import entry_point
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.params.train import TrainParams
from stages.recon.learned.member import adopt_member, train_member


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Write snapshots, configuration and losses to `work/training/<architecture>/<seed>`."""
    architecture, seed = member_argument(arguments, "train")
    params = TrainParams.load_architecture(architecture)
    compute, data = ComputeParams.load(), DataParams.load()
    device = prepare(compute)
    configuration = {
        "architecture": architecture,
        "seed": seed,
        "train": params.learned_by(),
        "compute": {
            "device": device.type,
            "threads": compute.threads,
            "compile": compute.compile,
        },
        "data": data.learned_from(),
    }
    if seed in params.pretrained:
        adopt_member(configuration, params)
    else:
        train_member(configuration, params, compute, data)


if __name__ == "__main__":
    main()
