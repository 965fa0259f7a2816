"""
The kinds of body, each with what reads it.
"""

from typing import Final

from proxy.compare.bodies import binary, form, json, ndjson, text, xml
from proxy.compare.bodies.base import Read
from proxy.compare.kinds import Body

READERS: Final[dict[Body, Read]] = {
    Body.JSON: json.read,
    Body.NDJSON: ndjson.read,
    Body.XML: xml.read,
    # As text: what a browser makes of two pages is not for us to say.
    Body.HTML: text.read,
    Body.FORM: form.read,
    Body.TEXT: text.read,
    Body.BINARY: binary.read,
}
