"""The words by which programs and people say that a cell holds nothing. Pure.

One list for every column: such a cell is empty where it may be empty, and refused where
it must not. Only the whole cell counts: "Null Kumar" is a name.
"""

from itertools import product

# As pandas, NumPy, SQL's COPY and dumps, R, JavaScript and Excel write it, and people.
_WORDS = """
    nan|nat|null|none|na|n/a|n.a|n.a.|n\\a|n-a|\\n|<na>|<null>|<none>|<nan>|(null)|(none)
    |(na)|(n/a)|(nil)|(blank)|(empty)|[null]|[none]|#n/a|#n/a!|#n/a n/a|#na|-nan|+nan
    |1.#ind|-1.#ind|1.#qnan|-1.#qnan|undefined|not available|not applicable
    |not provided|not given|no data"""
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d"
_MOST_DASHES = 20
# Of a word with more letters only the usual ways of writing it count.
_FEW_LETTERS = 4


def _in_every_case(word: str) -> set[str]:
    if sum(map(str.isalpha, word)) <= _FEW_LETTERS:
        letters = [{letter, letter.upper()} for letter in word]
        return set(map("".join, product(*letters)))
    return {word, word.upper(), word.capitalize(), word.title()}


_WRITTEN = {
    written
    for word in _WORDS.split("|")
    for written in _in_every_case(" ".join(word.split()))
}
_WRITTEN |= {dash * count for dash in _DASHES for count in range(1, _MOST_DASHES + 1)}

# In amounts, days and columns that nobody mapped "nil" is a figure, and Nil is a name.
NULL_VALUES = frozenset(_WRITTEN | {f"'{written}" for written in _WRITTEN})
NULL_VALUES_AND_NIL = NULL_VALUES | _in_every_case("nil") | {"'nil", "'Nil", "'NIL"}
