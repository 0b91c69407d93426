"""Files from the network: as long as the server says they are, or an error that says what to do."""

import re
import socket
import ssl
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from catdog._utils.keras_cache import DiskError, write_to_cache
from catdog._utils.progress import progress

STALL_SECONDS = 30.0
CHUNK = 2**18  # bytes


def download(url: str, target: Path, *, fallback_hint: str) -> None:
    """Download a file to `target`, whose older content is kept until the new one is whole.

    Args:
        url: Where the file is published.
        target: Where it is to lie.
        fallback_hint: What to do without the file, in words that follow "or".

    Raises:
        OSError: If the file cannot be had. The message says why, where it can be put by hand, and
            what to do without it.
    """
    # keras.utils.get_file writes to the final path, and waits for ever for a server that stalls.
    try:
        with urlopen(url, timeout=STALL_SECONDS) as response:
            write_to_cache(target, lambda scratch: _save(response, scratch), size=response.length)
    except DiskError as error:
        raise OSError(f"Cannot download {url}: {error} Or {fallback_hint}.") from error
    except (OSError, HTTPException) as error:
        raise OSError(
            f"Cannot download {url}: {_reason(error).rstrip('.')}. Put the file at {target} by "
            f"hand, or {fallback_hint}."
        ) from error


def _save(response: HTTPResponse, path: Path) -> None:
    """Write what the server sends to `path`, which must be as long as the server said."""
    total = response.length
    received = 0
    with path.open("wb") as file, progress(f"Downloading {path.name}", total, unit="bytes") as done:
        while chunk := response.read1(CHUNK):
            file.write(chunk)
            received += len(chunk)
            done(len(chunk))
    if total is not None and received < total:
        raise ConnectionError(f"the connection was cut off after {received} of {total} bytes")


def _reason(error: Exception) -> str:
    """Say in plain words why a download failed."""
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
        return "the server's answer breaks off or makes no sense"
    return re.sub(r"^\[.*?\] ", "", str(cause))  # without "[Errno 111] "
