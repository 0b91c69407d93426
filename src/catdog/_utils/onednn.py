"""Ask TensorFlow for the kernels of oneDNN, which it leaves off on many processors."""

import os
import platform
import sys

from catdog._utils.keras_internals import ONEDNN_VARIABLE

X86_64 = ("x86_64", "amd64")  # as Linux and Windows call it, in lower case


def request_onednn() -> None:
    """Have TensorFlow use oneDNN when it is imported, unless the user has decided about it.

    TensorFlow decides when it is imported. By itself it uses oneDNN only on processors with
    instructions made for networks, such as AVX-512 VNNI. With AVX2 alone, networks train faster
    with it as well, and take less memory (TensorFlow 2.21; the page about speed has measurements).
    Other architectures than x86-64 were not measured, so nothing changes there.
    """
    if "tensorflow" not in sys.modules and platform.machine().lower() in X86_64:
        os.environ.setdefault(ONEDNN_VARIABLE, "1")
