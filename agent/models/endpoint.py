"""Where a model is served."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from codeopt.errors import UserError

DEFAULT_URL = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible server.

    Attributes:
        url: Base address, without user, password or query.
        host: Host, with the port where one is given: what receives the code.
        local: On this machine or its private network: no key is needed and nothing is paid.
        key: The API key; "" for none. It is never shown.
    """

    url: str
    host: str
    local: bool
    key: str = field(default="", repr=False)


def find_endpoint(base_url: str = "", environment: Mapping[str, str] | None = None) -> Endpoint:
    """The server to use: `base_url`, else OPENAI_BASE_URL, else OpenAI's; the key is OPENAI_API_KEY.

    Raises:
        UserError: The address is no http(s) address, or a server that is not local gets no key.
    """
    env = os.environ if environment is None else environment
    url = (base_url or env.get("OPENAI_BASE_URL", "") or DEFAULT_URL).rstrip("/")
    try:
        parts = urlsplit(url)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        name, port, parts = "", None, urlsplit("")
    if parts.scheme not in ("http", "https") or not name:
        raise UserError(
            "the address of the model server is not an http(s) address", "for example http://127.0.0.1:8080/v1"
        )
    if parts.username is not None or parts.query:
        raise UserError("the address of the model server holds a key or a query", "put the key into OPENAI_API_KEY")
    host = f"{name}:{port}" if port else name
    local = is_local(name)
    key = env.get("OPENAI_API_KEY", "").strip()
    if not key and not local:
        raise UserError(f"no API key for {host}", "set OPENAI_API_KEY, or use a local server with --base-url")
    return Endpoint(url, host, local, key)


def is_local(name: str) -> bool:
    """Whether a host name means this machine or its private network."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name in ("localhost", "host.docker.internal") or name.endswith((".localhost", ".local"))
    return address.is_loopback or address.is_private or address.is_unspecified
