"""Answers in the languages of other tools: SARIF, VEX, OCSF, STIX, Timesketch, and SBOMs of then.

Owns: what each word of an answer becomes in each standard, and what is lost on the way.
docs/reference/outputs.md has the tables. Never does: decide anything; everything comes from the
answer. Start reading at `render_output`, then one module per standard.
"""

from __future__ import annotations

import importlib
from typing import Final

from pratique.errors import InputError
from pratique.exposure.incident import Incident, IncidentAnswer

FORMS: Final = {
    "sarif": "pratique.exposure.outputs.sarif",
    "cyclonedx-vex": "pratique.exposure.outputs.cyclonedx_vex",
    "openvex": "pratique.exposure.outputs.openvex",
    "ocsf": "pratique.exposure.outputs.ocsf",
    "stix": "pratique.exposure.outputs.stix",
    "timesketch": "pratique.exposure.outputs.timesketch",
}
"""Names of `--format` and the modules behind them; each is loaded only when it is asked for."""


def render_output(form: str, incident: Incident | None, answer: IncidentAnswer) -> str:
    """Write an answer in one of `FORMS`, without a newline at its end.

    `incident` is None for a question that was asked without opening one.
    Raises: InputError for another form.
    """
    module = FORMS.get(form)
    if module is None:
        raise InputError(f"no such format: {form[:40]!r}", expected=", ".join(FORMS))
    text: str = importlib.import_module(module).render(incident, answer)
    return text
