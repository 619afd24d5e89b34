"""Match the names of tables and columns by patterns, in English and German."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})

_WHEN = r"(_?(at|on|am|date|datum|time|zeit|zeitpunkt|timestamp|ts|dt|day|tag))?"
ID_SUFFIX = r"_?(id|ids|no|nr|num|number|nummer|key|code|ref|uuid|guid)"

PEOPLE = (
    r"(customers?|clients?|users?|accounts?|members?|households?|subscribers?|persons?|people|partners?"
    r"|kunden?|nutzer|benutzer|mitglied(er|s)?|konto|konten|haushalt(e|s)?|teilnehmer|debitor(en)?|cust|kd)"
)
EMAIL = (
    rf"({PEOPLE}_?|(contact|billing|buyer|rechnungs)_?)?e_?mail(_?(address|adresse))?(_(billing|rechnung))?"
)
"""The e-mail address of a customer; it is the id of the customer if a table has no other id."""

CUSTOMER_ID = rf"{PEOPLE}({ID_SUFFIX})?|uid|kunnr"
PERSON_ID = (
    rf"({PEOPLE}_?)?(unique|master|global|main|person|golden|root|loyalty|club|bonus|membership)"
    rf"_?(customer|card|karte|person)?({ID_SUFFIX})|(loyalty|club|bonus|membership)_?(card|karte)"
    r"|(phone|mobile)(_(no|number))?"
)
"""The id of a person, in a table that also has an id that is new with each order."""
NAMED_PERSON_ID = rf"{PEOPLE}_?(unique|master|global|main|golden|root){ID_SUFFIX}"
"""The id of a person, such as customer_unique_id; this name is enough if no column has a plainer name."""
PREFIXED_CUSTOMER_ID = rf"\w+_{PEOPLE}{ID_SUFFIX}"
"""A name such as order_customer_id or sales_user_id: the id of a customer, or of somebody else."""
ANY_ID = rf"(\w+_)?id|\w*{ID_SUFFIX}"
ORDER_ID = (
    r"(orders?|baskets?|invoices?|receipts?|transactions?|purchases?|sales?|bestell(ungs?|ungen)?|bons?"
    rf"|belegs?|rechnungs?|auftrags?|warenkorb){ID_SUFFIX}"
)
ORDER_NAME = r"name|number|no|nr|nummer|id|order|order_name|reference|bestellung|auftrag|beleg"
"""Columns that may hold the number of an order, if all rows with the same value have one customer and one
time.
"""

CHURN_EVENT = r"churn|cancel|winback|win_back|exit|offboard|kuendig|abgewander"
"""Names of tables in which only churners appear. A signal from such a table would leak the label."""

NEVER_CHANGES = (
    r"country|land|gender|sex|geschlecht|birth\w*|geburt\w*|channel|kanal|(acquisition|sign_?up|creation"
    r"|referral|lead|traffic)_(source|channel)|source|herkunft|quelle|industry|branche|language|sprache"
    r"|company_size|region|bundesland|state"
)

TABLE_PATTERNS: Mapping[str, str] = {
    "logins": r"log_?ins?|sign_?ins?|sessions?|visits?|anmeldung|einlogg|besuch",
    "interactions": (
        r"interaction|usage|activit|engagement|events?$|(?<!trans)actions?$|clicks?|nutzung|aktivitaet"
        r"|(?<!trans)aktion|interakt"
    ),
    "payments": r"payments?|invoices?|bills?$|billing|charges?$|zahlung|rechnung|faktura|lastschrift",
    "emails": r"e_?mails?|mailings?|newsletter",
    "surveys": r"survey|nps|csat|feedback|ratings?$|reviews?$|umfrage|bewertung|befragung",
    "tickets": (
        r"ticket|support|cases?$|complaint|helpdesk|incident|anfrage|stoerung|beschwerde|reklamation"
    ),
    "orders": (
        r"orders?$|purchase|transaction|sales?$|basket|receipt|checkout|bestell|kaeufe|kauf|umsaetze"
        r"|auftrag|auftraege|belege?$"
    ),
    "subscriptions": r"subscription|contract|membership|abos?$|abonnement|vertrag|vertraege|licen[cs]e",
    "referrals": r"referral|referred|invitations?$|empfehlung",
    "contacts": r"contact_?(log|history)|kontakt_?(historie|protokoll)|^kontakte$",
    "consents": r"consents?$|opt_?ins?$|einwilligung",
    "loyalty": r"loyalty_?(events?|points|log)|treue_?punkte",
}
"""Patterns that the name of a source's table contains, by canonical table."""

_AMOUNT = (
    r"((total|net|gross|order|invoice|sales?|paid|payment|line)_)?"
    r"(amount|total|price|value|sum|revenue|spent|spend|cost|betrag|summe|wert|umsatz|preis|netto|brutto)"
    r"(_?(eur|usd|gbp|chf|amount|value|total|netto|brutto))?"
    r"|\w*(betrag|summe|preis|wert)|gesamt\w*|(dollar|euro)_\w+|((gross|net|total)_)?sales"
)

UNIT_PRICE = r"(unit|single|item|einzel|stueck)_?(price|preis|cost)|price_per_\w+|price|preis"
"""The price of one piece, in a table that also holds the number of pieces."""

SHARE = (
    r"(\w+_)?(percent(age)?s?|pct|perc|rate|ratio|share|prozent\w*|anteil|quote)(_\w+)?"
    r"|\w+(prozent|anteil|quote)"
)
"""A share or a percentage of something."""

COST_IN_ALL = r"(total|overall|all_in)_?costs?|costs?_(total|in_all)|gesamt_?kosten|kosten_gesamt"
"""The cost of a contact in all: it may hold what an offer gave away."""

GIVEN_AWAY = (
    r"(\w+_)?(incentives?|offers?|discounts?|vouchers?|coupons?|gifts?|credits?|rebates?|gutscheine?"
    r"|rabatte?|geschenke?|praemien?|gutschrift(en)?|nachlass)(_\w+)?"
)
"""What the offer of a contact gave away."""

COLUMN_PATTERNS: Mapping[str, Mapping[str, str]] = {
    "customers": {
        "signed_up_at": (
            rf"(signed_?up|sign_?up|regist\w*|join(ed)?|(account_)?(creat\w*|opened|since)|onboard\w*"
            rf"|(customer|member|kunde)_?(since|seit)|seit|erstellt|angelegt|anlage\w*|eintritt\w*"
            rf"|anmelde\w*|first_(seen|purchase|order)){_WHEN}"
        ),
        "objected_at": (
            rf"(object(ed|ion)|opt(ed)?_?out|do_not_contact|widerspruch\w*|widersprochen|werbesperre){_WHEN}"
        ),
        "account_id": r"(account|org|organi[sz]ation|company|firma|firmen|tenant|mandant)_?(id|nr|no)",
        "name": r"((full|company|account|customer|client|firmen|kunden)_?)?name",
        "language": r"language|sprache|locale|lang",
    },
    "logins": {
        "happened_at": rf"(log_?in|logged_?in|session(_start)?|start(ed)?|anmeld\w*|visit(ed)?){_WHEN}"
    },
    "interactions": {
        "happened_at": rf"(event|action|usage|used|interaction|nutzung\w*|genutzt|aktion\w*|activity){_WHEN}",
        "kind": (
            r"kind|type|typ|art|(event|action|activity|feature|interaction|aktions?|nutzungs?)_?"
            r"(type|name|kind|typ|art)|action|feature|aktion|funktion|category|kategorie|page|seite"
        ),
        "quantity": r"quantity|qty|count|anzahl|menge|(usage|event)_count",
    },
    "payments": {
        "due_at": rf"(due|faellig\w*|invoiced?|issued|bill(ed|ing)?|rechnungs?|zahlungsziel){_WHEN}",
        "paid_at": rf"(paid|payment|settled|received|bezahlt|gezahlt|zahlungs?|(zahlungs)?eingangs?){_WHEN}",
        "failed_at": (
            rf"(failed|failure|declined|bounced|fehlgeschlagen|geplatzt|rueck\w+|charge_?back){_WHEN}"
        ),
        "card_expires_at": r"(card|karte|karten)_?(expir\w*|valid\w*|gueltig\w*|ablauf\w*|laeuft\w*)",
        "invoice_id": rf"(invoice|bill|rechnungs?){ID_SUFFIX}",
        "amount": _AMOUNT,
    },
    "emails": {
        "sent_at": rf"(sent|send|delivered|versand\w*|versendet|gesendet|verschickt|zugestellt){_WHEN}",
        "opened_at": rf"(opened|open|geoeffnet|oeffnungs?|read|gelesen){_WHEN}",
        "clicked_at": rf"(click\w*|klick\w*|geklickt){_WHEN}",
        "unsubscribed_at": rf"(unsub\w*|opt_?out|abgemeldet|abmelde\w*|abmeldungs?|abbestell\w*){_WHEN}",
        "email_id": rf"(e_?mail|message|nachrichten?|mailing){ID_SUFFIX}",
        "campaign": r"campaign\w*|kampagne\w*|subject|betreff|newsletter|template",
    },
    "surveys": {
        "asked_at": (
            rf"(asked|sent|invited|survey(ed)?|gefragt|befragt|befragungs?|versand\w*|gesendet|umfrage){_WHEN}"
        ),
        "answered_at": (
            rf"(answer(ed)?|respon\w*|submitted|completed|beantwortet|antwort\w*|abgegeben){_WHEN}"
        ),
        "rating": (
            r"rating|score|nps(_score)?|points|punkte|note|bewertung|wertung|stars|sterne|recommend\w*"
            r"|weiterempfehl\w*"
        ),
        "comment": r"comments?|text|feedback\w*|kommentar|bemerkung|verbatim|free_?text|freitext",
    },
    "tickets": {
        "opened_at": (
            rf"(opened|open|created|creation|submitted|reported|raised|eroeffn\w*|geoeffnet|erstellt|gemeldet"
            rf"|eingangs?|eingegangen|angelegt){_WHEN}"
        ),
        "first_reply_at": (
            rf"(first_(repl\w*|respon\w*|answer\w*)|replied|erste_?antwort\w*|beantwortet|antwort){_WHEN}"
        ),
        "closed_at": (
            rf"(closed|close|resolved|solved|completed|finished|geschlossen|geloest|erledigt|abgeschl\w*){_WHEN}"
        ),
        "satisfaction": r"satisfaction\w*|csat|rating|zufriedenheit|bewertung",
        "due_at": rf"(due|sla\w*|deadline|faellig\w*|frist){_WHEN}",
    },
    "orders": {
        "ordered_at": (
            rf"(order(ed)?|purchased?|bought|sold|sale|transaction|invoice|placed|bestell\w*|bestellt|gekauft"
            rf"|(ver)?kauf\w*|beleg\w*|auftrags?){_WHEN}"
        ),
        "amount": _AMOUNT,
        "returned_at": rf"(return(ed)?|refund(ed)?|retour\w*|zurueck\w*|erstattet){_WHEN}",
        "units": (
            r"units|(line_?item_)?(quantity|qty)|items|pieces|number_of_\w+|menge|anzahl|stueck\w*|n_items"
        ),
        "discount": r"discount\w*|\w*rabatt\w*|rebate|nachlass|\w+_disc",
    },
    "subscriptions": {
        "started_at": (
            rf"(start(ed|s)?|begin\w*|begann|begonnen|valid_from|from|von|ab|subscribed|activated|aktiviert"
            rf"|vertragsbeginn|eintritts?|begda|laufzeit_?(von|beginn)|gueltig_?(ab|von)|abgeschlossen){_WHEN}"
        ),
        "ended_at": (
            r"(end(ed|s)?|ende|beendet|valid_to|valid_until|until|to|bis|terminated|vertragsende"
            r"|austritts?|endda|(gekuendigt|kuendigung)_?zum"
            r"|((membership|subscription|contract|plan|licen[cs]e|pass|access)_)?expir(e[sd]?|y|ation)"
            rf"|laufzeit_?(bis|ende)|gueltig_?bis|ablauf){_WHEN}"
        ),
        "plan": (
            r"((plan|product|package|subscription)_?)?(plan|tier|product|package|tarif|produkt|paket|name)"
            r"|tarif\w*|plan_(type|id|code)"
        ),
        "mrr": (
            r"mrr\w*|monthly_(fee|price|revenue|charge|amount)|fee|price|monats(preis|beitrag|gebuehr)"
            r"|grundgebuehr|beitrag|preis"
        ),
        "renews_at": rf"(renew\w*|next_(bill\w*|payment|renewal|invoice)|(naechste_)?verlaenger\w*){_WHEN}",
        "auto_renew": r"(is_)?auto_?renew\w*|recurring|automat\w*|\w*verlaengert?_?automatisch",
        "cancel_requested_at": (
            rf"(cancel\w*request\w*|cancell?ation|cancell?ed|kuendigung\w*|gekuendigt|notice){_WHEN}"
        ),
        "reason": r"(\w+_)?reason(_code)?|(\w+_?)?grund",
        "paused_at": rf"(paused?|pause_start\w*|on_hold|frozen|pausiert|pausen?_?(beginn|start)\w*){_WHEN}",
        "resumed_at": (rf"(resum\w*|unpaus\w*|pause_end\w*|fortgesetzt|pausen?_?ende\w*){_WHEN}"),
    },
    "referrals": {"happened_at": rf"(referred|referral|invited|recommended|empfohlen|empfehlungs?){_WHEN}"},
    "contacts": {
        "contacted_at": rf"(contact|contacted|kontaktiert){_WHEN}",
        "play": r"play|spielzug|massnahme",
        "variant": r"variant|variante",
        "arm": r"arm",
        "task_id": r"task_id|aufgabennummer",
        "result": r"result|outcome|ergebnis",
        "snoozed_until": r"snoozed_until|wiedervorlage(_am)?",
        "channel": r"channel|kanal",
        "cost": (
            r"((contact|call|kontakt|anruf)_?)?(costs?|kosten)(_?(eur|usd|gbp|chf))?"
            rf"|(costs?|kosten)_(per|of|pro|je)_(contact|call|kontakt|anruf)|{COST_IN_ALL}"
        ),
    },
    "consents": {
        "given_at": rf"(given|granted|consented|consent|opt(ed)?_?in|erteilt){_WHEN}",
        "channel": r"channel|kanal",
        "purpose": r"purpose|zweck",
        "withdrawn_at": rf"(withdrawn|revoked|opt(ed)?_?out|widerrufen){_WHEN}",
        "evidence": r"evidence|proof|nachweis",
    },
    "loyalty": {
        "happened_at": rf"(event|happened|occurred|booked|gebucht){_WHEN}",
        "kind": r"kind|type|typ|art",
        "points": r"points|punkte",
        "balance": r"(points_?)?balance(_after)?|points_left|(punkte_?)?(saldo|stand)",
        "tier": r"tier|status_?level|stufe|treuestatus",
        "expires_at": rf"(expires|expiry|verfaellt){_WHEN}",
    },
    "events": {
        "happened_at": rf"(event|happened|occurred){_WHEN}",
        "kind": r"kind|type|typ|art|\w+_(type|kind|typ|art)|category|kategorie",
        "value": r"value|wert|amount|betrag",
    },
}
"""Patterns that the whole name of a source's column matches, by canonical table and column."""

CANCELLED_AT = rf"(cancell?ed|cancell?ation){_WHEN}"
"""The end of a contract, in a table of contracts that has no other column for the end."""

PERIOD_START = r"current_(\w+_)?start(s|ed)?(_at|_on|_date)?"
"""The start of the current billing period of a contract; this time has always passed."""

BILLING_PERIOD = (
    r"((billing|plan|price)_?)?(interval|period|cycle|frequency|zahlweise|turnus|abrechnungszeitraum)"
)
"""How often a contract is paid, such as month or year."""

STATE = r"((\w+_)?(status|state)|zustand)"

ANY_TIME = (
    r"(.*_)?(date|datum|time|zeit|zeitpunkt|timestamp|time_?stamp|ts|dt|day|tag|at|on|am|when|wann)"
    r"|creat\w*|erstellt\w*|angelegt\w*|start\w*|beginn?\w*|occurred\w*|\w+datum|\w+zeit"
)
MONTH = r"(\w+_)?(month|monat|period|periode|abrechnungsmonat|year_?month|yyyy_?mm)(_\w+)?"
"""A month, in a table with one row for each customer and month."""

AFTER_THE_ORDER = (
    rf"(paid|payment|fulfill?ed|shipped|dispatched|delivered|cancell?ed|refunded|updated|modified){_WHEN}"
)
"""What happens to an order after it was placed."""

BIRTH = r"(\w+_)?(birth\w*|geburt\w*|dob)|date_of_birth"
KNOWN_AT = rf"(known|ingested|loaded|load|inserted|recorded|erfasst|geladen){_WHEN}"
HISTORY = r"history|histor|verlauf|changes|change_?log|aenderung|audit|versions?"
_VERSION = r"(\w+_)?(fivetran|dwh?|scd|row|record|version|eff(ective)?)"
_VERSION_START, _VERSION_STOP = (
    rf"{_VERSION}_(start|begin|effective){_WHEN}",
    rf"{_VERSION}_(end|expir\w*){_WHEN}",
)
VALID_FROM = (
    rf"((\w+_)?valid_?from|since|from|von|seit|ab|gueltig_?(ab|von)|start(ed)?|effective(_from)?){_WHEN}"
    rf"|{_VERSION_START}"
)
VALID_TO = (
    rf"((\w+_)?valid_?(to|until)|until|to|bis|gueltig_?bis|end(ed)?|effective_to){_WHEN}"
    rf"|{_VERSION_STOP}"
)
MAY_LIE_AHEAD = (
    rf"{VALID_TO}|(\w+_)?(due|expir\w*|renew\w*|next|planned|scheduled|appointment|deadline|faellig\w*|frist"
    r"|termin|ablauf\w*|ends?|until|bis)(_\w+)?"
)
"""Names of columns whose dates may lie in the future."""
VERSION_BEGIN = rf"(\w+_)?(valid_?from|effective_?from|gueltig_?(ab|von)){_WHEN}|{_VERSION_START}"
VERSION_END = rf"(\w+_)?(valid_?(to|until)|effective_?(to|until)|gueltig_?bis){_WHEN}|{_VERSION_STOP}"
VALID_UNTIL = rf"(\w+_)?(valid_?(to|until|thru|through)|gueltig_?bis){_WHEN}"
IS_CURRENT = (
    r"(\w+_)?(is_)?(fivetran_active|current|latest|aktuell)(_(flag|row|record|version|ind|indicator))?"
)
"""A column that marks the version that is valid today."""

CHANGED_AT = rf"(changed?|geaendert|aenderungs?|updated|modified){_WHEN}"

_EXPIRY = (
    r"(expir\w*|valid_?(to|until|thru|through)|(paid|access|active|covered)_?(to|until|thru|through)"
    r"|until|gueltig_?bis|bezahlt_?bis|bis|ablauf\w*"
    r"|(membership|subscription|contract|plan|access|coverage|licen[cs]e|period|term)_?ends?)"
    rf"{_WHEN}"
)
EXPIRY = rf"(\w+_)?{_EXPIRY}"
"""The time up to which a row is valid, for example in a log of contracts."""

_CONTRACT = (
    r"(paid|prepaid|current|billing|new|membership|subscription|contract|plan|licen[cs]e|pass|access"
    r"|coverage|policy|service|season|period|term|bezahlt|vertrags?|mitgliedschaft(s)?|abo(nnements?)?|lizenz"
    rf"|tarif|laufzeit|zugang(s)?|{PEOPLE})"
)
CONTRACT_EXPIRY = rf"({_CONTRACT}_?)*{_EXPIRY}"
"""An expiry whose name names nothing other than a contract, unlike the expiry of a session, an offer or a
card.
"""

DELIVERY = r"(\w+_)?(deliver\w*|ship\w*|dispatch\w*|arriv\w*|liefer\w*|geliefert|versand\w*)(_\w+)?"
"""A time that comes after the time of an order."""

CANCEL_FLAG = (
    r"(is_?|was_?|has_?|ist_?)?(cancel(l?ed|l?ation)?|storno|storniert|kuendigung|gekuendigt"
    r"|terminat(ed|ion))(_?(flag|row|yn))?"
)
ACTION = (
    r"(\w+_)?(action|event|type|kind|typ|art|vorgang\w*|aktion|operation|ereignis)"
    r"(_(type|name|kind|typ|art))?"
)
"""A column that says what a row of a log does."""

_CANCEL = r"(cancel|terminat|kuendig|gekuendig|storn|abbestell)"
CANCEL_WORD = rf"(^|_){_CANCEL}"
NO_CANCEL_WORD = (
    r"(^|_)(no|not|non|un|never|nicht|nie|kein(e|er|en)?)"
    rf"_((yet|longer|been|being|be|to|mehr|noch|zu)_)*{_CANCEL}"
    r"|(^|_)(withdr[ae]w|revo[ck]|revers|re_?activat|reinstat|undo|undid|undone|rescind|widerruf|ruecknahme"
    r"|zurueck_?(genommen|gezogen|nahme|zieh|nehm)|rueckgaengig|aufgehoben|aufhebung|reaktivier)"
    rf"|(^|_){_CANCEL}[a-z]*_(\w+_)?(no|none|false|nein|keine|rejected|declined|denied|refused|abgelehnt"
    r"|abgewiesen|unwirksam)$"
    r"|(cancell?ation|termination|kuendigung)_((was|is|wurde|ist)_)?(cancell?ed|storniert)$"
    r"|(^|_)(storno|stornierung|cancel|cancell?ation)_((of|the|der|einer)_)*"
    r"(kuendigung|cancell?ation|termination)$"
)
"""A word that denies a cancellation, or that takes a cancellation back."""

YES_WORDS = ("y", "yes", "j", "ja", "t", "true", "1")


@cache
def snake_case(name: str) -> str:
    """Return a name in lower case, without umlauts, with `_` between its words.

    >>> snake_case("InvoiceNo"), snake_case("geöffnet am"), snake_case("CustomerID")
    ('invoice_no', 'geoeffnet_am', 'customer_id')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", words.lower().translate(_UMLAUTS)).strip("_")


def singular(word: str) -> str:
    """Return the singular of a table's name.

    Names of the table's columns may begin with the singular, such as `order_date` in the table `orders`.

    >>> singular("orders"), singular("Bestellungen"), singular("companies")
    ('order', 'bestellung', 'company')
    """
    name = snake_case(word)
    for plural, ending in (("ies", "y"), ("ungen", "ung"), ("s", "")):
        if name.endswith(plural):
            return name.removesuffix(plural) + ending
    return name


def name_matches(name: str, pattern: str, table: str = "") -> bool:
    """Return whether a whole column name, with or without its table's name as a prefix, fits a pattern.

    The time zone at the end of a name is ignored, as in `Start (UTC)`. A prefix that ends with a dot is
    ignored, too, as in `subscriptions.started_at`. But in a name such as `customers.id`, the prefix is kept,
    because it says whose id the column holds.
    """
    fits = _compile(pattern).fullmatch
    return any(fits(candidate) for candidate in _spellings(name, table))


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@cache
def _spellings(name: str, table: str) -> frozenset[str]:
    """Return the forms of a column's name that are compared with a pattern."""
    column = _without_zone(snake_case(name))
    last_part = _without_zone(snake_case(name.rpartition(".")[2]))
    names = {column, column if last_part == "id" else last_part}
    if table:
        names.add(column.removeprefix(f"{singular(table)}_"))
    return frozenset(names)


def _without_zone(column: str) -> str:
    return re.sub(r"(?<=[a-z0-9])_(utc|gmt)$", "", column)


def name_contains(table: str, pattern: str) -> bool:
    """Return whether a table's name contains a pattern; `orders_export_1` is read as `orders`."""
    name = re.sub(r"(?<=.)_(export|extract|dump)(_[0-9]+)*$", "", snake_case(table))
    return bool(re.search(pattern, name))
