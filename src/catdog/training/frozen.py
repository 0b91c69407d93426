"""The frozen backbone of a model: split it off, and identify it."""

from __future__ import annotations

import keras

from catdog._utils.errors import HintCode, InvalidValueError
from catdog._utils.keras_internals import all_layers, seed_states
from catdog.data.features import Features
from catdog.models.graph import ModelParts, shared_layers, split_model
from catdog.models.own_inference import check_layers_answer
from catdog.training.feature_cache import models_hash


def split_frozen(model: keras.Model, function: str) -> ModelParts:
    """Split a model into backbone and head; the error names models that have a backbone.

    Args:
        model: The model.
        function: Name of the public function that needs the backbone.

    Raises:
        ValueError: If the model has no backbone, or a `call` of its own: what that does to the
            images would be missing from the features.
    """
    check_layers_answer(model, function, ("__call__", "call"))
    try:
        return split_model(model)
    except ValueError as error:
        raise InvalidValueError(
            f"{function} needs a model that begins with a frozen backbone, pretrained on "
            "other images, and ends in trainable layers",
            hint='Pass build_model("mobilenet_v2.linear") or build_model("transfer"), or a model '
            "of your own whose backbone has trainable = False.",
            hint_code=HintCode.USE_BACKBONE,
        ) from error


def backbone_hash(parts: ModelParts) -> str:
    """Return a hash of everything in a model that its features depend on, without augmentation.

    Models that differ only in their augmentation and their head have the same hash.
    """
    return models_hash([*_fixed_layers(parts.augmentation), parts.backbone])


def _fixed_layers(augmentation: keras.Model | None) -> list[keras.Layer]:
    """Return what changes images in front of the backbone even if nothing is drawn at random."""
    layers = shared_layers(augmentation) if augmentation else []
    if not all(isinstance(layer, keras.Layer) for layer in layers):
        return [augmentation]  # an operation, whose constants are in the graph alone
    leaves = [leaf for layer in layers for leaf in all_layers(layer) if len(all_layers(leaf)) == 1]
    return [
        leaf
        for leaf in leaves
        if not seed_states(leaf) and not isinstance(leaf, keras.layers.InputLayer)
    ]


def check_backbone(features: Features, parts: ModelParts) -> None:
    """Raise if features were not computed by the backbone of this model."""
    if features.backbone == backbone_hash(parts):
        return
    shape = parts.backbone.output_shape[1:]
    shapes = f": they have shape {features.values.shape[1:]}, its own {shape}"
    detail = shapes if features.values.shape[1:] != shape else ""
    raise InvalidValueError(
        f"come from another backbone than that of model{detail}",
        argument="features",
        hint="The layers, their weights and the image size must be the same. Pass the model that "
        "extracted them, or extract the features again.",
    )
