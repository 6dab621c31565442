# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a Python package index about a project.

Two interfaces are known: the JSON document per project (``/pypi/<name>/json``), and the simple index as JSON (PEP 691) with
the metadata files beside it (PEP 658), which is what most private indexes have.
"""

from __future__ import annotations

import json
import re
from email.message import Message
from email.parser import HeaderParser
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from abuildpy import __version__
from abuildpy.errors import ConfigError, FetchError
from abuildpy.maintain.answers import LargeAnswerError, body_of, reason_of, text, without_password
from abuildpy.maintain.pipconfig import Address
from abuildpy.maintain.pyindex import (
    Project,
    from_document,
    from_metadata,
    is_name,
    joined,
    newest_files,
)

_TIMEOUT = (20.0, 60.0)
_SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"


class Index:
    """A package index, asked over one connection."""

    def __init__(self, address: Address) -> None:
        import requests

        self._address = address
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"abuildpy/{__version__}"
        # An argument of each request, because a session's own setting loses against REQUESTS_CA_BUNDLE.
        self._verify: str | bool = address.certificates or True

    def project(self, name: str, version: str = "") -> Project:
        """The newest version of a project, or the one asked for.

        FetchError if the index does not know it, has no source or cannot be asked.
        """
        if not is_name(name):
            raise FetchError(f"'{name}' cannot be the name of a Python project")
        if self._address.base:
            which = f"{quote(name)}/{quote(version)}" if version else quote(name)
            place = f"{self._address.base}/pypi/{which}/json"
            document = self._json(place, "application/json")
            if document is not None:
                return from_document(document, asked=name, place=place)
        normalized = re.sub(r"[-_.]+", "-", name).lower()
        place = f"{self._address.simple}/{normalized}/"
        document = self._json(place, _SIMPLE_JSON)
        if document is None:
            raise FetchError(
                f"the index at {urlsplit(place).hostname} has no project '{name}', or does not answer in JSON",
                hint="is the name spelt right?",
            )
        published, source, wheels = newest_files(document, name, version)
        metadata = Message()
        for file in (source, *wheels):
            if file.get("core-metadata") or file.get("dist-info-metadata"):
                found = self._get(joined(place, text(file.get("url"))).partition("#")[0] + ".metadata", "*/*")
                if found is not None:
                    metadata = HeaderParser().parsestr(found.decode("utf-8", "replace"))
                    break
        return from_metadata(metadata, asked=name, version=published, source=joined(place, text(source.get("url"))))

    def lasting_source(self, project: Project) -> str:
        """The address below ``/packages/source/``, which holds no hash, if the file server has it; else ``source``."""
        import requests

        parts = urlsplit(project.source)
        file = parts.path.rpartition("/")[2]
        path = f"/packages/source/{project.name[0]}/{project.name}/{file}"
        url = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
        try:
            answer = self._session.head(url, timeout=_TIMEOUT, allow_redirects=True, verify=self._verify)
        except (requests.RequestException, OSError):
            return project.source
        return url if answer.ok else project.source

    def _json(self, url: str, kind: str) -> dict[str, Any] | None:
        """A JSON object; None where there is none."""
        content = self._get(url, kind)
        if content is None:
            return None
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None

    def _get(self, url: str, kind: str) -> bytes | None:
        """The content behind a URL; None where the server has nothing (of that kind) there."""
        import requests

        shown = without_password(url)
        try:
            with self._session.get(
                url, headers={"Accept": kind}, timeout=_TIMEOUT, stream=True, verify=self._verify
            ) as answer:
                if answer.status_code in (404, 406, 410):
                    return None
                if not answer.ok:
                    raise FetchError(f"{shown}: the server answered {answer.status_code} {answer.reason}".rstrip())
                return body_of(answer)
        except LargeAnswerError as error:
            raise FetchError(f"{shown}: {error.strerror}")
        except (requests.RequestException, ValueError) as error:  # the latter where it is led to what is no address
            raise FetchError(f"{shown}: {reason_of(error)}", hint="is the index's address right, is the network up?")
        except OSError as error:
            # How requests says that the file of authorities is missing.
            raise ConfigError(f"{self._address.certificates}: {error}", hint="PIP_CERT or cert= in pip.conf names it")
