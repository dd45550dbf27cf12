"""Prompts from a card's templates and an image's attributes.

The draw of a template depends on the image's id alone, so a prompt is the same in every run. Refuses a template
that names an attribute the data do not have.
"""

from __future__ import annotations

import hashlib

from ldbench.api import Attributes
from ldbench.card import Protocol
from ldbench.errors import CardError


def template_for(protocol: Protocol, image_id: str) -> str:
    """The first template under the simple style; under the diverse one, one drawn by SHA-256 of the id."""
    if protocol.prompt_style == "simple":
        return protocol.templates[0]
    digest = hashlib.sha256(image_id.encode()).digest()
    return protocol.templates[int.from_bytes(digest[:8], "big") % len(protocol.templates)]


def prompt_for(protocol: Protocol, image_id: str, attributes: Attributes) -> str:
    """The prompt of one image; attribute values are spelled as the card's `words` say."""
    spelled = {
        name: protocol.words.get(name, {}).get(str(value), str(value)) for name, value in attributes.items()
    }
    template = template_for(protocol, image_id)
    try:
        return template.format_map(spelled)
    except (KeyError, IndexError, ValueError) as error:
        known = ", ".join(sorted(spelled))
        raise CardError(f"protocol.templates: {template!r} needs {error}, the data have {known}") from error
