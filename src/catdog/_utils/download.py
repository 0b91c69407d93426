"""Download files; check their length and hash before they replace anything."""

import hashlib
import re
import socket
import ssl
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from catdog._utils.errors import FileAccessError, HintCode
from catdog._utils.keras_cache import DiskError, write_to_cache
from catdog._utils.progress import progress

STALL_SECONDS = 30.0
CHUNK_BYTES = 2**18
SHA256_DIGITS = 64


def download(
    url: str,
    target: Path,
    *,
    fallback_hint: str,
    fallback_code: HintCode | None = None,
    digest: str | None = None,
) -> None:
    """Download a file to `target` by an atomic write, after checking its length and hash.

    Args:
        url: Where the file is published.
        target: Path of the file to write. An older file there stays until the new one is complete.
        fallback_hint: What to do without the file: a sentence that begins with "Or".
        fallback_code: The code of that hint, if it needs other words in the command line.
        digest: The published hash of the file, if there is one: MD5 or SHA-256, in hexadecimal
            digits.

    Raises:
        OSError: If the file cannot be downloaded, or has another hash. The message says why, where
            to put the file by hand, and what to do without it.
    """

    # keras.utils.get_file (3.15) writes to the final path, and waits without limit for a server
    # that sends nothing.
    def fill(scratch: Path) -> None:
        _save(response, scratch)
        _check_digest(scratch, digest)

    try:
        with urlopen(url, timeout=STALL_SECONDS) as response:
            write_to_cache(target, fill, size=response.length)
    except (OSError, HTTPException) as error:
        by_hand = "" if isinstance(error, DiskError) else f". Put the file at {target} by hand"
        raise FileAccessError(
            f"Cannot download {url}: {_reason(error).rstrip('.')}{by_hand}",
            hint=fallback_hint,
            hint_code=fallback_code,
        ) from error


def compute_digest(path: Path, *, like: str) -> str:
    """Compute the hash of a file, by the algorithm of another hash.

    Args:
        path: The file.
        like: A hash in hexadecimal digits. With 64 digits it is SHA-256, otherwise MD5, as
            `keras.utils.get_file` has it.

    Returns:
        The hash in lower-case hexadecimal digits.
    """
    algorithm = "sha256" if len(like) == SHA256_DIGITS else "md5"
    # Some systems allow MD5 only where it guards against errors, not against attackers.
    make = partial(hashlib.new, algorithm, usedforsecurity=False)
    with path.open("rb") as content:
        return hashlib.file_digest(content, make).hexdigest()


def _check_digest(path: Path, digest: str | None) -> None:
    """Raise if a hash is published and the file has another hash."""
    if digest is None:
        return
    received = compute_digest(path, like=digest)
    if received != digest:
        raise OSError(f"what the server sent has the hash {received}, but {digest} is published")


def _save(response: HTTPResponse, path: Path) -> None:
    """Write the response to `path`; raise if it is shorter than the server announced."""
    total = response.length
    received = 0
    with path.open("wb") as file, progress(f"Downloading {path.name}", total, unit="bytes") as done:
        while chunk := response.read1(CHUNK_BYTES):
            file.write(chunk)
            received += len(chunk)
            done(len(chunk))
    if total is not None and received < total:
        raise ConnectionError(f"the connection was cut off after {received} of {total} bytes")


def _reason(error: Exception) -> str:
    """Return the reason for a failed download in plain words."""
    if isinstance(error, HTTPError):
        error.close()
        return f"the server answers {error.code} {error.reason}"
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f"the server sent nothing for {STALL_SECONDS:g} s"
    if isinstance(cause, socket.gaierror):
        return f"there is no network, or no server of that name ({cause.strerror})"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the server's certificate cannot be trusted ({cause.verify_message})"
    if isinstance(cause, HTTPException) and not isinstance(cause, OSError):
        return "the server's answer is incomplete or invalid"
    return re.sub(r"^\[.*?\] ", "", str(cause))  # without "[Errno 111] "
