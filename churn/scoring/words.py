"""Numbers inside sentences, as a reader of the language writes them."""

from __future__ import annotations

import math
import re
import string

NO_BREAK_SPACE = "\u00a0"

# Only words that signals count; a number of exactly 1 turns the next of them into its singular.
SINGULAR = {
    "en": {
        "days": "day", "weeks": "week", "months": "month", "times": "time", "hours": "hour", "years": "year",
        "logins": "login", "orders": "order", "purchases": "purchase", "payments": "payment",
        "invoices": "invoice", "charges": "charge", "e-mails": "e-mail", "emails": "email", "mails": "mail",
        "tickets": "ticket", "interactions": "interaction", "events": "event", "surveys": "survey",
        "points": "point", "visits": "visit", "referrals": "referral", "contacts": "contact", "kinds": "kind",
        "features": "feature", "contracts": "contract", "subscriptions": "subscription", "units": "unit",
        "bills": "bill",
    },
    "de": {
        "Tage": "Tag", "Tagen": "Tag", "Wochen": "Woche", "Monate": "Monat", "Monaten": "Monat",
        "Stunden": "Stunde", "Jahre": "Jahr", "Jahren": "Jahr", "Anmeldungen": "Anmeldung",
        "Bestellungen": "Bestellung", "Käufe": "Kauf", "Käufen": "Kauf", "Zahlungen": "Zahlung",
        "Rechnungen": "Rechnung", "E-Mails": "E-Mail", "Mails": "Mail", "Tickets": "Ticket",
        "Anfragen": "Anfrage", "Interaktionen": "Interaktion", "Ereignisse": "Ereignis",
        "Ereignissen": "Ereignis", "Punkte": "Punkt", "Punkten": "Punkt", "Besuche": "Besuch",
        "Empfehlungen": "Empfehlung", "Kontakte": "Kontakt", "Verträge": "Vertrag", "Abos": "Abo",
    },
}  # fmt: skip
VERB = {
    "en": {"are": "is", "were": "was", "have": "has"},
    "de": {"sind": "ist", "waren": "war", "haben": "hat", "wurden": "wurde", "blieben": "blieb"},
}


def sentence(template: str, value: float | str, language: str) -> str:
    """Fill `{value}` into a reason template, in the number format of the language.

    >>> sentence("logs in {value:.0%} as often as usual", 0.25, "en")
    'logs in 25% as often as usual'
    >>> sentence("{value:.0f} Tage ohne Anmeldung", 1.0, "de")
    '1 Tag ohne Anmeldung'

    Raises:
        ValueError: the template asks for anything but `{value}`.
    """
    parts: list[str] = []
    after_one = False
    for literal, field, spec, conversion in string.Formatter().parse(template):
        parts.append(_singular(literal, language) if after_one else literal)
        if field is None:
            continue
        if field != "value" or conversion:
            raise ValueError(f"the sentence {template!r} may only use {{value}}, not {{{field}}}")
        shown = number(value, spec or "", language) if isinstance(value, float | int) else str(value)
        parts.append(shown)
        after_one = shown == "1"
    return "".join(parts)


def number(value: float, spec: str, language: str) -> str:
    """Format a number: thousands grouped, German with decimal comma and a space before the per cent sign.

    >>> number(1234.5, ".1f", "de"), number(1234.5, ".1f", "en")
    ('1.234,5', '1,234.5')
    """
    if spec == "" and float(value).is_integer():
        spec = ".0f"
    grouped = spec if "," in spec or not spec.startswith(".") else f",{spec}"
    shown = format(float(value), grouped)
    if re.fullmatch(r"-0([.,]0+)?%?", shown):
        shown = shown[1:]
    if language == "de":
        shown = shown.translate(str.maketrans(",.", ".,")).replace("%", f"{NO_BREAK_SPACE}%")
    return shown


def is_missing(value: object) -> bool:
    """Tell whether a cell holds nothing that can be said: None, NaN or an infinity."""
    return value is None or (isinstance(value, float) and not math.isfinite(value)) or value != value


def _singular(text: str, language: str) -> str:
    """Put the first counted noun within three words after a 1 into the singular, and its verb with it."""
    words = re.split(r"(\s+)", text)
    nouns = SINGULAR[language]
    seen = 0
    for at, word in enumerate(words):
        bare = word.strip(" .,;:()")
        if not bare:
            continue
        seen += 1
        if bare in nouns:
            words[at] = word.replace(bare, nouns[bare])
            if at + 2 < len(words):
                words[at + 2] = VERB[language].get(words[at + 2], words[at + 2])
            break
        if seen == 3 or bare in ("of", "von"):  # in "1 of 10 e-mails" the noun is counted by the 10
            break
    return "".join(words)
