"""Run a model layer by layer, and find its feature maps and where the image is in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras

from catdog._utils.errors import InvalidValueError
from catdog._utils.keras_internals import is_defined_by_keras
from catdog.inference.area_probe import Call, has_kernels
from catdog.inference.areas import Area, Placed, area_after
from catdog.inference.map_gradient import Mark
from catdog.models.graph import run_layers


class MarkedModel(keras.Layer):  # type: ignore[misc]  # keras ships no hints
    """Runs a model layer by layer, and passes each feature map to a function.

    No model is built for it: Keras would record the layers' calls on the layers (Keras 3.15). The
    layers inside take `training` from the call of this layer, as they do within a model.

    Attributes:
        maps: The area of each feature map, in order.
        convolutions: The convolutions, in the order of their calls.
        marked: Whether each result is a feature map, in the order of the calls.
    """

    def __init__(self, model: keras.Model, mark: Mark, marked: list[bool] | None = None) -> None:
        """Run `model` on the images that this layer is called with.

        Args:
            model: The model.
            mark: Is called with each feature map, and returns what the model goes on with.
            marked: That of an earlier run, if this one repeats it, perhaps without values.
        """
        super().__init__(autocast=False)
        self.built = True
        self.maps: list[Area] = []
        self.convolutions: list[Any] = []
        self._needed: dict[int, frozenset[int]] = {}  # calls that each of these depends on
        self.marked: list[bool] = []
        self._model = model
        self._mark = mark
        self._repeated: Iterator[bool] | None = None if marked is None else iter(marked)
        self._images = 0
        self._placed: dict[int, Placed] = {}  # by identity, of tensors that it keeps alive
        self._through: dict[int, frozenset[int]] = {}  # numbers of the maps that a tensor is of
        self._joined: list[list[frozenset[int]]] = []  # those of the tensors that a layer joins

    def call(self, images: Any, training: bool = False) -> Any:
        """Return the model's output."""
        self._images = len(images)
        self._placed[id(images)] = Placed(images, Area())
        return self._run(self._model, images)

    def _run(self, model: keras.Model, images: Any) -> Any:
        cast = keras.ops.cast(images, model.inputs[0].dtype)
        if id(images) in self._placed:
            self._placed[id(cast)] = Placed(cast, self._placed[id(images)].area)
        return run_layers(model, cast, self._call)

    def _call(self, layer: Any, *arguments: Any, **options: Any) -> Any:
        options.pop("training", None)  # a model replaces it too
        if _is_graph(layer):
            return self._run(layer, *arguments)
        results = layer(*arguments, **options)
        number = len(self.convolutions)
        if has_kernels(layer):
            self.convolutions.append(layer)
        followed = [
            self._after(Call(layer, arguments, options, position), number, result)
            for position, result in enumerate(keras.tree.flatten(results))
        ]
        return keras.tree.pack_sequence_as(results, followed)

    def _after(self, call: Call, number: int, result: Any) -> Any:
        """Return what the model goes on with behind one result of the call of a layer.

        Args:
            call: The call.
            number: Its number among the calls of convolutions, if it is one.
            result: The result.
        """
        if self._repeated is not None:
            return self._mark(result) if next(self._repeated) else result
        if id(result) in self._placed:  # of a layer that does nothing at inference
            self.marked.append(False)
            return result
        inputs = keras.tree.flatten((call.arguments, call.options))
        given = [self._placed[id(tensor)] for tensor in inputs if id(tensor) in self._placed]
        area = area_after(call, given, result)
        if has_kernels(call.operation):
            area = replace(area, calls=area.calls | {number})
            self._needed[number] = area.calls
        through = [self._through.get(id(one.tensor), frozenset()) for one in given]
        is_image = len(result.shape) == 4  # else, statistics of the image itself may be beside maps
        self._joined.append([maps for maps in through if is_image or maps])
        of_maps = frozenset[int]().union(*through)
        self.marked.append(_is_map(area, result, self._images))
        if self.marked[-1]:
            of_maps |= {len(self.maps)}
            self.maps.append(area)
            result = self._mark(result)
        self._placed[id(result)] = Placed(result, area)
        self._through[id(result)] = of_maps
        return result

    def last_area(self) -> Area:
        """Return where the image is in the last feature map.

        Raises:
            ValueError: If it is not known, the map shows one of several versions of the image, the
                model has other convolutions beside those of the map, or a shortcut beside it.
        """
        area = self.maps[-1]
        if area.moved_by:
            raise InvalidValueError(
                f"has no heat map: its layer {area.moved_by} moves parts of the image, so it is "
                "not known where the last feature map lies on it",
                argument="model",
                hint="Explain a model without this layer, and pass it images that were changed in "
                "the same way before.",
            )
        shown = {id(self.convolutions[number]) for number in area.calls}
        for number, layer in enumerate(self.convolutions):
            if number not in area.calls and id(layer) in shown:
                raise InvalidValueError(
                    f"has no heat map: it calls its layer {layer.name!r} for several versions of "
                    "the image, and the last feature map shows only some of them",
                    argument="model",
                    hint="Explain a model that takes one of these versions alone.",
                )
            # A convolution behind the map, as in a gate, depends on all that the map depends on.
            if number not in area.calls and not area.calls <= self._needed.get(number, area.calls):
                raise InvalidValueError(
                    f"has no heat map: its layer {layer.name!r} is beside the last feature map, "
                    "which shows only a part of what the model sees",
                    argument="model",
                    hint="Explain each of the parts alone, as a model of its own.",
                )
        if self._is_in_a_branch(len(self.maps) - 1):
            raise InvalidValueError(
                "has no heat map: its last feature map with several positions is in a branch, "
                "beside a shortcut or other branches, and shows only a part of what the model sees",
                argument="model",
                hint="If its last layers have one position, build the model for larger images.",
            )
        return area

    def _is_in_a_branch(self, number: int) -> bool:
        """Return whether a layer joins a tensor behind a map with one that is not behind it."""
        return any(len({number in maps for maps in joined}) > 1 for joined in self._joined)


def _is_graph(layer: Any) -> bool:
    """Return whether a layer is a model whose layers, called one by one, compute what it does."""
    is_graph = isinstance(layer, keras.Sequential | keras.Function)
    return (
        is_graph
        and len(layer.inputs) == len(layer.outputs) == 1
        and is_defined_by_keras(layer, "call")
        and is_defined_by_keras(layer, "__call__")
    )


def _is_map(area: Area, tensor: Any, images: int) -> bool:
    """Return whether a tensor is a feature map of each image, of several positions."""
    shape = tensor.shape
    if area.axes is None or 0 in area.axes or not area.calls or len(shape) != 4:
        return False
    return shape[0] == images and any(shape[axis] != 1 for axis in area.axes)
