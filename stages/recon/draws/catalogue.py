"""The methods of drawing images from one trained network.

A new method is a module with its `DrawMethod`, its line here, and its name, kind and options in
`stages/params/draws.py`.
"""

from stages.recon.draws.dropout import DROPOUT
from stages.recon.draws.masks import MASKS
from stages.recon.draws.protocol import DrawMethod
from stages.recon.draws.replicas import REPLICAS
from stages.recon.draws.rescans import RESCANS
from stages.recon.draws.subsets import SUBSETS
from stages.recon.draws.swag import SWAG
from stages.recon.draws.transforms import TRANSFORMS
from stages.recon.draws.weight_snapshots import SNAPSHOTS

METHODS: dict[str, DrawMethod] = {
    method.name: method
    for method in (REPLICAS, SUBSETS, TRANSFORMS, MASKS, DROPOUT, SNAPSHOTS, SWAG, RESCANS)
}
"""By name."""
