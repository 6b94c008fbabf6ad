"""fill_dummy: random parameters, for measuring the speed of a shape without its weights.

    model = build_model(config, place)
    fill_dummy(model, seed=0)

Norms become one and everything else small and normal, so activations stay finite through any number of layers. It is
written on the device, at the speed of its memory. What such a model says means nothing.
"""

import torch

from ..models.build import Model

STD = 0.02


@torch.inference_mode()
def fill_dummy(model: Model, seed: int = 0) -> None:
    """Fills every parameter with numbers that depend on the seed, the device and the dtype alone."""
    parameters = model.parameters()
    device = next(iter(parameters.values())).device
    generator = torch.Generator(device).manual_seed(seed)
    for name, parameter in parameters.items():
        if name.endswith("norm.weight"):
            parameter.fill_(1.0)
        else:
            parameter.normal_(0.0, STD, generator=generator)
