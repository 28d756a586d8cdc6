"""MicroPython images from micropython.org, kept in the user's cache.

The site publishes no checksum of its images. What can be checked is: who sent it (TLS), that all
of it came (its length), that it is whole (the SHA-256 inside it, see image.py), and that what is
in the cache is what came then (its SHA-256, kept beside it and told to the user).
"""

import hashlib
import os
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request

import certifi

from keyfob_host import __version__
from keyfob_host.errors import CliError
from keyfob_host.flashing.image import version_of
from keyfob_host.resources import cache_dir

SITE_VARIABLE = "KEYFOB_MICROPYTHON_SITE"  # a mirror
SITE = "https://micropython.org"

_TIMEOUT = 20  # s for each answer
_LARGEST = 16 << 20  # bytes: no image of a supported chip has more


class _Release(NamedTuple):
    version: tuple[int, ...]
    name: str


def page(download: str) -> str:
    """The address of the page from which a person gets images of that download id."""
    return f"{os.environ.get(SITE_VARIABLE, SITE).rstrip('/')}/download/{download}/"


def newest_image(download: str, tell: Callable[[str], None]) -> Path:
    """The newest release for the board that micropython.org calls `download`, in the cache.

    `tell` gets a line about what is done. Without the network it is the newest in the cache;
    raises CliError where there is none.
    """
    folder = cache_dir() / "micropython"
    try:
        name = _newest(
            re.findall(r"[\w.-]+", _get(page(download)).decode("utf-8", "replace")), download
        )
        if name is None:
            raise CliError(f"{page(download)} offers no release", "--image FILE")
        if not _is_intact(folder / name):
            tell(f"downloading {name}")
            _keep(folder / name, _get(_address(download, name)))
        return folder / name
    except _UnreachableError as error:
        kept = [path.name for path in folder.glob("*.bin") if _is_intact(path)]
        name = _newest(kept, download)
        if name is None:
            raise CliError(f"{page(download)} cannot be read: {error}", "--image FILE") from None
        tell(f"{error}; {name} is in the cache")
        return folder / name


def _newest(names: list[str], download: str) -> str | None:
    """The newest release among names of files; previews and variants are none."""
    pattern = re.compile(rf"{re.escape(download)}-\d{{8}}-v[\d.]+\.bin")
    releases = [
        _Release(tuple(map(int, (version_of(name) or "0").split("."))), name)
        for name in names
        if pattern.fullmatch(name)
    ]
    return max(releases).name if releases else None


def _address(download: str, name: str) -> str:
    return page(download).removesuffix(f"download/{download}/") + f"resources/firmware/{name}"


class _UnreachableError(Exception):
    """Why the site did not answer."""


class _SameSecurity(urllib.request.HTTPRedirectHandler):
    """Follows no redirect from https to anything else."""

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise _UnreachableError(f"{req.full_url} redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _get(address: str) -> bytes:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    agent = {"User-Agent": f"keyfob/{__version__}"}
    try:
        request = Request(address, headers=agent)  # noqa: S310
        https = urllib.request.HTTPSHandler(context=context)
        opener = urllib.request.build_opener(https, _SameSecurity)
        with opener.open(request, timeout=_TIMEOUT) as reply:
            data: bytes = reply.read(_LARGEST + 1)
            wanted = reply.headers.get("Content-Length")
    except (OSError, ValueError, HTTPException) as error:  # ValueError: no such address
        reason = getattr(error, "reason", None) or error
        raise _UnreachableError(f"no answer from {address} ({reason})") from None
    if wanted is not None and wanted.strip() != str(len(data)):
        raise _UnreachableError(f"{address} broke off after {len(data)} of {wanted} bytes")
    return data


def _keep(path: Path, data: bytes) -> None:
    """Write the file and its SHA-256; whoever reads meanwhile finds all of it or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for target, content in (
            (path.with_suffix(".sha256"), hashlib.sha256(data).hexdigest().encode()),
            (path, data),
        ):
            part = target.with_name(f"{target.name}.{os.getpid()}.part")
            part.write_bytes(content)
            part.replace(target)
    except OSError as error:
        raise CliError(
            f"the image cannot be kept in {path.parent}: {error.strerror}",
            "--image FILE, or another folder in XDG_CACHE_HOME",
        ) from None


def _is_intact(path: Path) -> bool:
    try:
        wanted = path.with_suffix(".sha256").read_text(encoding="ascii")
        return hashlib.sha256(path.read_bytes()).hexdigest() == wanted
    except (OSError, UnicodeDecodeError):
        return False
