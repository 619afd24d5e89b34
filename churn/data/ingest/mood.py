"""Compute the mood of a text, a coarse number, from lists of good and bad words in English and German.

Good words count 1 and bad words -1; the mood is their mean, between -1 and 1. A word counts the other way
round if a negation stands at most three words before the word, in the same part of a sentence ("not good" is
bad, "nicht schlecht" is good). After some German verbs the negation comes later: "gefällt mir nicht". A text
with neither good nor bad words has no mood. Irony, spelling mistakes and other languages are not understood,
so the mood of one text says little.
"""

from __future__ import annotations

from collections.abc import Iterable

from churn.data.sql import identifier, literal

GOOD_WORDS = (
    # English
    *("good", "great", "excellent", "perfect", "perfectly", "awesome", "amazing", "fantastic", "wonderful"),
    *(
        "best",
        "love",
        "loved",
        "loves",
        "like",
        "liked",
        "happy",
        "pleased",
        "satisfied",
        "helpful",
        "friendly",
    ),
    *("fast", "quick", "quickly", "easy", "easily", "reliable", "recommend", "recommended", "thanks", "nice"),
    *(
        "thank",
        "brilliant",
        "superb",
        "intuitive",
        "useful",
        "impressed",
        "glad",
        "enjoy",
        "enjoyed",
        "works",
    ),
    # German
    *("gut", "gute", "guter", "gutes", "guten", "super", "toll", "tolle", "toller", "tolles", "perfekt"),
    *(
        "prima",
        "klasse",
        "hervorragend",
        "ausgezeichnet",
        "zufrieden",
        "freundlich",
        "freundliche",
        "schnell",
    ),
    *("schnelle", "schneller", "hilfsbereit", "hilfreich", "einfach", "zuverlaessig", "danke", "spitze"),
    *("begeistert", "empfehle", "empfehlen", "empfehlenswert", "gefaellt", "gefallen", "liebe", "schoen"),
    *(
        "funktioniert",
        "klappt",
        "hilft",
        "ueberzeugt",
        "uebersichtlich",
        "kompetent",
        "kompetente",
        "bestens",
    ),
)
BAD_WORDS = (
    # English
    *("bad", "worse", "worst", "terrible", "awful", "horrible", "poor", "poorly", "disappointed", "useless"),
    *(
        "disappointing",
        "slow",
        "slowly",
        "broken",
        "breaks",
        "buggy",
        "bug",
        "bugs",
        "crash",
        "crashes",
        "rude",
    ),
    *("hate", "hated", "annoying", "annoyed", "frustrating", "frustrated", "unhappy", "angry", "expensive"),
    *("overpriced", "problem", "problems", "difficult", "confusing", "complicated", "unreliable", "fails"),
    *(
        "failed",
        "failure",
        "error",
        "errors",
        "unfriendly",
        "unhelpful",
        "waste",
        "ridiculous",
        "unacceptable",
    ),
    # German
    *("schlecht", "schlechte", "schlechter", "schlechtes", "schlechten", "furchtbar", "schrecklich", "uebel"),
    *("katastrophe", "katastrophal", "enttaeuscht", "enttaeuschend", "langsam", "langsame", "langsamer"),
    *(
        "kaputt",
        "fehler",
        "fehlerhaft",
        "absturz",
        "abstuerze",
        "nervt",
        "nervig",
        "aergerlich",
        "veraergert",
    ),
    *("unzufrieden", "unfreundlich", "unfreundliche", "teuer", "teure", "ueberteuert", "problem", "probleme"),
    *("kompliziert", "umstaendlich", "unuebersichtlich", "unzuverlaessig", "nutzlos", "frech", "mangelhaft"),
    *("frustrierend", "unmoeglich", "miserabel", "muehsam", "unbrauchbar", "inkompetent"),
)
NEGATIONS = (
    *("not", "no", "never", "without", "cannot", "hardly", "isnt", "arent", "wasnt", "werent", "dont"),
    *("doesnt", "didnt", "wont", "cant", "couldnt", "wouldnt", "havent", "hasnt", "hadnt", "nothing"),
    *("nicht", "kein", "keine", "keinen", "keiner", "keinem", "keines", "nie", "niemals", "ohne", "nichts"),
    *("kaum",),
)
NEGATED_AFTERWARDS = ("gefaellt", "gefallen", "funktioniert", "klappt", "hilft", "ueberzeugt", "empfehle")
"""German verbs that may be followed by their negation, as in `gefällt mir nicht`."""

_SPELLINGS = (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("'", ""), ("’", ""))
_BETWEEN = r"\s+(?:[a-z]+\s+){0,2}"
"""Matches up to two words between a negation and its word; a comma or a full stop ends the negation."""


def mood_sql(column: str) -> str:
    """Return the SQL that gives the mood of texts, a number in [-1, 1]; NULL for a text with neither good nor
    bad words.

    Args:
        column: The name of the column.
    """
    text = f"lower({identifier(column)}::VARCHAR)"
    for letter, spelling in _SPELLINGS:
        text = f"replace({text}, {literal(letter)}, {literal(spelling)})"
    text = f"strip_accents({text})"
    good, bad, negation = (_any_of(words) for words in (GOOD_WORDS, BAD_WORDS, NEGATIONS))
    later = _any_of(NEGATED_AFTERWARDS) + _BETWEEN + "nicht"
    n_good, n_bad = _count(text, good), _count(text, bad)
    good_turned = f"({_count(text, negation + _BETWEEN + good)} + {_count(text, later)})"
    bad_turned = _count(text, negation + _BETWEEN + bad)
    # A word with one negation before it and another one after it is turned round only once.
    good_turned = f"least({good_turned}, {n_good})"
    difference = f"({n_good} - {n_bad} - 2 * {good_turned} + 2 * {bad_turned})"
    return f"({difference}::DOUBLE / nullif({n_good} + {n_bad}, 0))"


def _any_of(words: Iterable[str]) -> str:
    return f"(?:{'|'.join(dict.fromkeys(words))})"


def _count(text: str, words: str) -> str:
    pattern = literal(rf"\b{words}\b")
    return f"len(regexp_extract_all({text}, {pattern}))"
