"""The names by which headers are known, as lenders write them. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

# A longer one is an instruction or no header at all, and names no field.
LONGEST_HEADER = 200


def _of_customers(names: str) -> str:
    """Return the names of a part of a name, also with whose name it is."""
    whose = ("", "customer ", "borrower ", "applicant ", "client ", "member ")
    return "|".join(f"{one}{name}" for name in names.split("|") for one in whose)


# The surest names of a field first: of two columns for one field that one is taken.
ALIASES = {
    "full_name": """
        full name|customer name|borrower name|name|name of customer|name of borrower
        |applicant name|client name|member name|customer|borrower|account holder name
        |cust name|name of the customer|name of the borrower|customer full name
        |applicant|main applicant name|primary applicant name|primary borrower name
        |borrowers name|customers name|party name|loanee name|नाम|ग्राहक का नाम
        |पूरा नाम|ग्राहक नाम""",
    "first_name": f"""
        {_of_customers("first name|given name|first nm|fname|f name|forename")}
        |given names|name first|first name of customer|first name of borrower
        |first name of applicant|पहला नाम|प्रथम नाम|ग्राहक का पहला नाम""",
    "middle_name": f"""
        {_of_customers("middle name|middle nm|mid name|mname|m name|second name")}
        |middle initial|name middle|middle name of customer|middle name of borrower
        |middle name of applicant|मध्य नाम|बीच का नाम|ग्राहक का मध्य नाम""",
    "last_name": f"""
        {_of_customers("last name|surname|sur name|family name|last nm|lname|l name")}
        |name last|last name of customer|last name of borrower|last name of applicant
        |surname of customer|surname of borrower|surname of applicant|उपनाम|कुलनाम
        |सरनेम|अंतिम नाम|आखिरी नाम|आख़िरी नाम|ग्राहक का उपनाम""",
    "primary_phone": """
        primary phone|primary phone no|primary phone number|primary mobile
        |primary mobile no|primary mobile number|primary contact|primary contact no
        |primary contact number|mobile|mobile no|mobile number|mob no|mob|mob number
        |cell|cell no|cell number|whatsapp|whatsapp no|whatsapp number|phone|phone no
        |phone number|customer mobile|customer phone|customer mobile no
        |customer mobile number|customer phone no|customer phone number
        |customer contact|customer contact no|customer contact number|cust mobile
        |cust mobile no|cust phone|borrower mobile|borrower mobile no|borrower phone
        |borrower contact no|applicant mobile|applicant mobile no|mobile phone
        |cell phone|mobile num|mob num|registered mobile|registered mobile no
        |registered mobile number|mobile 1|mobile no 1|phone 1|phone no 1|contact no
        |contact number|contact|ph no|tel|telephone|मोबाइल|मोबाइल नंबर|मोबाइल नम्बर
        |मोबाइल न|फोन|फ़ोन|फोन नंबर|फ़ोन नंबर""",
    "alternate_phone": """
        alternate phone|alternate mobile|alternate mobile no|alternate mobile number
        |alternate number|alternate no|alternate contact|alternate contact no
        |alternate phone number|alt mobile|alt phone|alt no|alt mob no|alt mobile no
        |alternative phone|alternative mobile|alternative number
        |alternative mobile no|alternative phone no|alternative contact no
        |alternate phone no|alternate contact number|alt contact|alt contact no
        |alt number|alt mobile number|alt phone no|secondary phone|secondary phone no
        |secondary mobile no|secondary number|secondary contact|secondary contact no
        |secondary mobile|mobile 2|mobile no 2|mobile number 2|phone 2|phone no 2
        |phone number 2|contact 2|contact no 2|contact number 2|other phone
        |other mobile|वैकल्पिक मोबाइल|वैकल्पिक नंबर|दूसरा मोबाइल""",
    "national_id": """
        national id|aadhaar|aadhar|adhar|aadhaar no|aadhar no|aadhaar number
        |aadhar number|adhaar|adhaar no|adhaar number|adhar no|adhar number
        |aadhaar card|aadhar card|aadhaar card no|aadhar card no|aadhaar card number
        |aadhar card number|aadhaar id|aadhar id|uid|uid no|uidai|national id number
        |आधार|आधार नंबर|आधार संख्या|pan|pan no|pan number|pan card|pan card no
        |pan card number|aadhaar pan|pan aadhaar|पैन""",
    "email": """
        email|e mail|email id|email address|mail id|mail|e mail id|customer email
        |customer email id|ईमेल|ई मेल""",
    "language": """
        language|preferred language|language preference|customer language|lang
        |mother tongue|भाषा""",
    "state": "state|state name|customer state|राज्य|region|zone|branch|branch name",
    "loan_number": """
        loan number|loan no|loan account|loan account no|loan account number
        |loan ac no|loan a c no|lan|lan no|loan id|agreement no|agreement number
        |agreement id|agreement|contract no|contract number|account number|account no
        |acc no|a c no|app id|app no|application id|application no|application number
        |loan agreement no|loan agreement number|loan account id|lan number|लोन नंबर
        |ऋण संख्या|ऋण खाता संख्या""",
    "loan_amount": """
        loan amount|loan amt|disbursed amount|disbursed|disbursed amt
        |disbursal amount|disbursement amount|sanctioned amount|sanction amount
        |sanctioned amt|sanction amt|disb amt|disbursement amt|disbursal amt
        |total loan amount|amount financed|financed amount|finance amount
        |principal amount|amount|ऋण राशि|लोन राशि""",
    "outstanding_amount": """
        outstanding amount|outstanding|total outstanding|outstanding amt|tos|os amt
        |o s amt|o s amount|os amount|o s|os|balance|balance amount
        |outstanding balance|outstanding bal|os balance|o s balance|total os
        |total o s|current outstanding|current balance|pos amt|tos amt|principal os
        |total due|total dues|total amount due|amount due|overdue amt|total overdue
        |overdue amount|due amount|pos|principal outstanding|बकाया|बकाया राशि
        |कुल बकाया""",
    "emi_amount": """
        emi amount|emi|emi amt|instalment|installment|instalment amount
        |installment amount|monthly instalment|monthly installment|monthly emi|किस्त
        |किश्त|किस्त राशि|ईएमआई""",
    "due_date": """
        due date|emi due date|next due date|next due|next emi date|next emi due date
        |instalment due date|installment due date|payment due date|fdd
        |first due date|due on|due dt|देय तिथि|नियत तिथि""",
    "days_past_due": """
        days past due|dpd|overdue days|days overdue|no of days overdue
        |no of days past due|current dpd|dpd days|past due days|day past due
        |विलंब दिन""",
    "last_contact_date": """
        last contact date|last contact|last contacted|last contacted on
        |last contacted date|last call date|last repayment date|last payment date
        |last paid date|last paid on|last contact dt|date of last contact
        |अंतिम संपर्क तिथि""",
    "as_of_date": """
        as of date|as of|as on|as on date|report date|data as on|statement date""",
}  # fmt: skip

# What a header may add to a name, and the fields of which it says nothing new. An
# amount in lakhs is another amount; a date with the month first is asked about.
_RUPEES = r"in rupees|in rs\.?|in inr|rupees|rs\.?|inr"
_DAY_FIRST = r"dd?([-/. ])mmm?\1yy(?:yy)?|yyyy([-/. ])mm?\2dd?"
# A run of marks is looked at from its first one only, not from each.
_MARKS = r"(?<![ (\[_-])[ (\[_-]++"
_ADDED = (
    (re.compile(rf"{_MARKS}(?:{_RUPEES})[)\]]*+$", re.IGNORECASE), "_amount"),
    (re.compile(rf"{_MARKS}(?:{_DAY_FIRST})[)\]]*+$", re.IGNORECASE), "_date"),
    (re.compile(r" ?[(\[](?:in )?days[)\]]$", re.IGNORECASE), "days_past_due"),
)


def fold(header: str) -> str:
    """Return the header as it is compared: letters and digits of any script.

    As much of it as counts: Unicode sorts a row of accents in quadratic time.
    """
    plain = unicodedata.normalize("NFKC", header[:LONGEST_HEADER]).casefold()
    return "".join(mark for mark in plain if unicodedata.category(mark)[0] in "LMN")


# An amount of these is none in rupees, nor is a share of one.
_OTHER_MONEY = re.compile(
    r"[$€£¥%]|\b(?:usd|eur|gbp|aed|sar|qar|omr|kwd|bhd|sgd|aud|cad|npr|lkr|bdt"
    r"|dollars?|euros?|dirhams?|percent|percentage|pct)\b"
)

# How lenders shorten the words of headers; each line is one word. The last are none.
_ONE_WORD = """
    no num nos nbr number|amt amnt amount|dt date|mob mobile|ph phone|cust customer
    |acc acct account|alt alternate alternative|reg regd registered|addl additional
    |os outst outstanding|disb disbursed disbursement disbursal
    |sanc sanction sanctioned|inst instalment installment|agmt agr agreement
    |appl application|pmt payment|lang language"""
_SHORT = {
    word: line.split()[0] for line in _ONE_WORD.split("|") for word in line.split()
} | dict.fromkeys(("of", "the", "s"), "")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_ID_WORDS = re.compile(r"\b(?:aadhaa?r|adhaa?r|uid|uidai|pan)\b|आधार|पैन")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def _shortened(header: str) -> str:
    """Return the header's words, each in its shortest form, run together."""
    plain = _CAMEL.sub(" ", unicodedata.normalize("NFKC", header)).casefold()
    return "".join(_SHORT.get(word, word) for word in _WORD.findall(plain))


# Folded name → field, and how sure it is: the lower, the surer.
BY_NAME: dict[str, tuple[str, int]] = {}
_BY_WORDS: dict[str, tuple[str, int]] = {}
for _field, _names in ALIASES.items():
    for _rank, _name in enumerate(_names.split("|")):
        BY_NAME[fold(_name)] = (_field, _rank)
        if _name.isascii():  # Indian vowel signs are no letters of a word
            _BY_WORDS.setdefault(_shortened(_name), (_field, _rank))


def find_field(header: str) -> tuple[str, int] | None:
    """Return the field that a header surely names, and how surely; None for none."""
    return _find_field(header) if len(header) <= LONGEST_HEADER else None


@lru_cache(maxsize=4096)
def _find_field(header: str) -> tuple[str, int] | None:
    found = _find_named(header)
    if found and found[0].endswith("_amount") and names_other_money(header):
        return None
    return found


def names_other_money(header: str) -> bool:
    """Tell whether a header names another currency than the rupee, or a share."""
    plain = _CAMEL.sub(" ", header).casefold().replace("_", " ")
    return bool(_OTHER_MONEY.search(plain))


def _find_named(header: str) -> tuple[str, int] | None:
    if found := _named(header):
        return found
    plain = " ".join(header.split())
    for added, kind in _ADDED:
        if part := added.search(plain):
            found = _named(plain[: part.start()])
            if found and found[0].endswith(kind):
                return found
    return None


def _named(name: str) -> tuple[str, int] | None:
    return BY_NAME.get(fold(name)) or _BY_WORDS.get(_shortened(name))


def speaks_of_ids(header: str) -> bool:
    """Tell whether a header has the name of a national id among its words."""
    return bool(_ID_WORDS.search(_CAMEL.sub(" ", header).casefold().replace("_", " ")))


def known_fields(headers: Sequence[str]) -> set[str]:
    """Return the fields that these headers name, to tell a header from a title."""
    return {found[0] for found in map(find_field, headers) if found}


def aliases(field: str) -> list[str]:
    """Return the headers that surely mean a field, the surest first."""
    return [" ".join(name.split()) for name in ALIASES[field].split("|")]
