"""The terms under which an entry is found. Pure.

A term is a letter for what it is of, and a text:

    n  a word of the name, whole; found by how it begins
    p  the last digits of a phone, the last one first: so the last two are found as well
    l  every piece of four signs of the loan number; its last three as shorter ones
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tenants.search_terms import fold_identifier, fold_words

# With fewer, too many entries would have each; more would make more terms than that
# saves: 1,000 ends of phones, some 10,000 pieces of loan numbers in a large file.
PHONE_DIGITS = 3
LOAN_PIECE = 4

# Of what no name or number is as long as.
_MOST_WORDS = 40
# Of what is typed; more leave nobody out.
_MOST_TYPED_WORDS = 6
_LONGEST_WORD = 60
_LONGEST_LOAN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRange:
    """Terms that begin alike, or, `whole`, the one term."""

    term: str
    whole: bool = False


# Its line, name, phone, alternate phone and loan number.
EntryTexts = tuple[int, str, str, str, str]


def lines_by_term(entries: Sequence[EntryTexts]) -> dict[str, list[int]]:
    """Return the lines of entries under each of their terms, in the entries' order."""
    found: dict[str, list[int]] = defaultdict(list)
    # The column at once: a name by itself takes as long as ten of them.
    names = fold_words("\0".join(name.replace("\0", "") for _, name, *_ in entries))
    for (line, _, phone, alternate, loan), name in zip(
        entries, names.split("\0") if entries else [], strict=True
    ):
        for word in set(name.split()[:_MOST_WORDS]):
            found[f"n{word[:_LONGEST_WORD]}"].append(line)
        found[phone_term(phone)].append(line)
        if alternate and (term := phone_term(alternate)) != phone_term(phone):
            found[term].append(line)
        if loan:
            for piece in loan_pieces(fold_identifier(loan[:_LONGEST_LOAN])):
                found[f"l{piece}"].append(line)
    return found


def loan_pieces(folded: str) -> set[str]:
    """Return the pieces of a folded loan number, the last ones shorter than others."""
    return {folded[at : at + LOAN_PIECE] for at in range(len(folded))}


def phone_term(phone: str) -> str:
    """Return the term of a phone (E.164)."""
    return f"p{phone[: -PHONE_DIGITS - 1 : -1]}"


def name_terms(words: Iterable[str]) -> list[TermRange]:
    """Return what an entry has whose name has words that begin so.

    Of many words the longest count.
    """
    different = sorted(set(words), key=lambda word: (-len(word), word))
    typed = different[:_MOST_TYPED_WORDS]
    return [TermRange(term=f"n{word[:_LONGEST_WORD]}") for word in typed]


def phone_end_term(digits: str) -> TermRange:
    """Return what an entry has whose phone ends with digits, and maybe others have."""
    return TermRange(term=f"p{digits[: -PHONE_DIGITS - 1 : -1]}")


def loan_part_terms(folded: str) -> list[TermRange]:
    """Return what an entry has whose loan number has a part, and maybe others have."""
    if len(folded) <= LOAN_PIECE:
        return [TermRange(term=f"l{folded}")]
    whole = {folded[at : at + LOAN_PIECE] for at in range(len(folded) - LOAN_PIECE + 1)}
    return [TermRange(term=f"l{piece}", whole=True) for piece in sorted(whole)]
