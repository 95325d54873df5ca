"""Training pairs, each drawn from its number alone, by a process ahead of the network."""

from collections import deque
from collections.abc import Iterator
from functools import cache

import numpy as np
import torch

from stages.anatomy.grid import HEAD_SHAPE
from stages.machine.processes import process_pool
from stages.params.segmenter import DiseaseParams, SegmenterParams
from stages.scanner.coils import receive_coils
from stages.segmenters.synthseg.anatomies import draw_anatomy, plan_of
from stages.segmenters.synthseg.materials import Materials, materials
from stages.segmenters.synthseg.synthesis import Draws, draw_image
from stages.study.axes import three

Pair = tuple[torch.Tensor, torch.Tensor]  # image and target, see draw_image
Place = tuple[int, int]  # phase and step within it
AHEAD = 6  # pairs drawn or being drawn before the network asks for them
N_COILS = 12


def field_of_view(voxel_size_mm: float) -> tuple[int, int, int]:
    """Voxels of a scan of a whole head, (right, anterior, superior)."""
    superior, anterior, right = (round(n / voxel_size_mm) for n in HEAD_SHAPE)
    return right, anterior, superior


def coil_shading(shape: tuple[int, int, int], voxel_size_mm: float) -> torch.Tensor:
    """Logarithm of the head array's root of the sum of squares, (right, anterior, superior)."""
    coils = receive_coils(three(reversed(shape)), voxel_size_mm, N_COILS)
    power = np.square(np.abs(coils)).sum(0)
    return torch.from_numpy(np.ascontiguousarray(0.5 * np.log(power).transpose(2, 1, 0)))


@cache
def head_shading(voxel_size_mm: float) -> torch.Tensor:
    """Return the shading of a scan of a whole head, worked out once in a process."""
    return coil_shading(field_of_view(voxel_size_mm), voxel_size_mm)


@cache
def head_materials(diseases: DiseaseParams) -> Materials:
    """Return the tissues, worked out once in a process."""
    return materials(plan_of(diseases))


def draw_pair(params: SegmenterParams, place: Place) -> tuple[np.ndarray, np.ndarray]:
    """Return image and target of one step; a function of the parameters and the place alone."""
    torch.set_num_threads(1)
    phase, _ = place
    draws = Draws.seeded(params.seed, *place)
    head = draw_anatomy(params.anatomies, params.seed, draws.scalar)
    synthesis = params.synthesis if phase == 0 else params.refinements[phase - 1].synthesis
    shading = head_shading(params.network.voxel_size_mm)
    image, target = draw_image(
        head, head_materials(params.anatomies.diseases), shading, synthesis, draws
    )
    return image.numpy(), target.numpy()


def pairs_ahead(params: SegmenterParams, places: list[Place]) -> Iterator[Pair]:
    """Yield the pairs of all places in their order, drawn in a second process."""
    with process_pool(1) as pool:
        waiting = deque(pool.submit(draw_pair, params, place) for place in places[:AHEAD])
        try:
            for number in range(len(places)):
                image, target = waiting.popleft().result()
                if number + AHEAD < len(places):
                    waiting.append(pool.submit(draw_pair, params, places[number + AHEAD]))
                yield torch.from_numpy(image), torch.from_numpy(target)
        finally:
            for future in waiting:
                future.cancel()


def pairs_here(params: SegmenterParams, places: list[Place]) -> Iterator[Pair]:
    """Yield the same pairs, each drawn when it is asked for."""
    for place in places:
        image, target = draw_pair(params, place)
        yield torch.from_numpy(image), torch.from_numpy(target)
