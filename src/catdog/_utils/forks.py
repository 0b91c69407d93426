"""Refuse to run TensorFlow in a process that was forked after TensorFlow had started."""

import os

from catdog._utils.errors import BackendError
from catdog._utils.keras_internals import tensorflow_has_started

_forked_too_late = False


def _look_back() -> None:
    """Find out, in a child that was just forked, whether its parent had started TensorFlow."""
    global _forked_too_late
    _forked_too_late |= tensorflow_has_started()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_look_back)


def check_not_forked() -> None:
    """Raise in a process that was forked after TensorFlow had started in its parent.

    Its threads do not exist in the child, so the first operation would wait for ever (TensorFlow
    2.21). Each function that runs TensorFlow calls this first.

    Raises:
        RuntimeError: In such a process.
    """
    if _forked_too_late:
        raise BackendError(
            "TensorFlow cannot run in this process: it was forked from one in which TensorFlow had "
            "started, and would wait for ever",
            hint=(
                'Start processes with multiprocessing.get_context("spawn"), or start them before '
                "anything runs TensorFlow."
            ),
        )
