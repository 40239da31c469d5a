"""Words around a name, dropped if nothing is found with them: titles, small words, legal forms of
companies."""

from __future__ import annotations

import re

HONOURS = re.compile(
    "(?:\u3055\u3093|\u3055\u307e|\u69d8|\u6c0f|\u5148\u751f|\u5973\u58eb|\u5c0f\u59d0|\ub2d8|\uc528)$"
)
"""The same where it is written behind the name, in one: さん, 先生, 님."""


def _listed(text: str) -> list[str]:
    return text.split()


FILLERS = frozenset(
    _listed(
        """
    mr mrs ms miss mx dr prof professor doctor sir madam mme mlle monsieur madame herr frau hr fr
    sr sra srta senor senora don dona dott ing mag lic dipl dipling rev jr phd md esq cpa san sama
    signor signora sig dhr mevr mevrouw meneer pan pani bey hanim sheikh capt captain
    from at of with the and someone somebody anyone anybody our my please contact user customer
    client colleague kunde kundin kollege kollegin cliente
    von vom bei aus der jemand de du des la le chez del da do di della van bij el
    und et en og och
    gmbh ag kg ug inc llc ltd limited corp co company plc sa sas sarl srl spa sl bv nv oy ab as
    """
    )
)
