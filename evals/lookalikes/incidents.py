"""Every incident, in the order of its day."""

from __future__ import annotations

from evals.lookalikes import (
    durabletask,
    elementary,
    hades,
    lightning,
    litellm,
    num2words,
    telnyx,
    ultralytics,
)
from evals.lookalikes.shape import Lookalike

LOOKALIKES: tuple[Lookalike, ...] = (
    *ultralytics.LOOKALIKES,
    *num2words.LOOKALIKES,
    *litellm.LOOKALIKES,
    *telnyx.LOOKALIKES,
    *elementary.LOOKALIKES,
    *lightning.LOOKALIKES,
    *durabletask.LOOKALIKES,
    *hades.LOOKALIKES,
)
