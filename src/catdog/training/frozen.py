"""The frozen backbone of a model: split it off, and identify it."""

from __future__ import annotations

import warnings
from pathlib import Path

import keras

from catdog._utils.errors import HintCode, InvalidValueError, UsageWarning
from catdog._utils.keras_internals import all_layers, seed_states
from catdog.data.features import Features
from catdog.images.inputs import ImageSource
from catdog.inference.litert import is_close
from catdog.models.graph import ModelParts, shared_layers, split_model
from catdog.models.own_code import has_own_code
from catdog.models.own_inference import check_layers_answer
from catdog.training.feature_cache import models_hash
from catdog.training.run_backbone import compute_features, run_backbone


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
    """Raise if features were not computed by the backbone of this model.

    The hash does not contain code of the user. So if there is such code, one image is run again.
    """
    shape = parts.backbone.output_shape[1:]
    shapes = f": they have shape {features.values.shape[1:]}, its own {shape}"
    if features.backbone != backbone_hash(parts):
        raise _other_backbone(shapes if features.values.shape[1:] != shape else "")
    models = [part for part in (parts.augmentation, parts.backbone) if part]
    if any(map(has_own_code, models)) and len(features):
        _check_first_image(features, parts)


def _check_first_image(features: Features, parts: ModelParts) -> None:
    """Raise if the backbone computes other features of the first image that is still there."""
    row = next((row for row in range(len(features)) if Path(features.paths[row]).is_file()), None)
    if row is not None:
        size = features.image_size
        source = ImageSource(Path(features.paths[row]), features.paths[row])
        ((found,),) = run_backbone(compute_features(parts, size, 1), [source], size, 1, [])
        if found.values is not None and found.sha256 == features.sha256[row]:
            if not is_close(features.values[row], found.values):
                raise _other_backbone(", or from other code in its layers")
            return
    warnings.warn(
        UsageWarning(
            "It is not known whether the features come from the code that the model's own layers "
            "and functions have now: their images are not there any more.",
            hint="If the code has changed, extract the features again.",
        ),
        stacklevel=5,
    )


def _other_backbone(detail: str) -> InvalidValueError:
    """Return the error about features of another backbone."""
    return InvalidValueError(
        f"come from another backbone than that of model{detail}",
        argument="features",
        hint="The layers, their weights and the image size must be the same. Pass the model that "
        "extracted them, or extract the features again.",
    )
