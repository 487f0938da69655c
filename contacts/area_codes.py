"""Area codes of India's fixed lines, where digits alone do not tell. Pure.

A fixed line of Visakhapatnam, 0891-2561234, has the ten digits of a mobile. How it is
written tells them apart: nobody parts a mobile behind an area code.
"""

import re

# Of libphonenumber's pattern for fixed lines (8.13), those that a mobile may begin
# with; all others are known by their digits.
_AREA_CODE = re.compile(
    r"79|80"
    r"|6(?:12|[2-47]1|5[17]|6[13]|74|80)|7(?:12|2[14]|3[134]|4[47]|5[15]|[67]1|88)"
    r"|8(?:16|2[014]|3[126]|6[136]|7[078]|8[34]|91)"
    r"|(?:6(?:1[1358]|2[2457]|3[2-4]|4[235-7]|5[2-689]|6[24578]|7[235689]|8[14-6])"
    r"|7(?:1[013-9]|2[0235-9]|3[2679]|4[1-35689]|5[2-46-9]|[67][02-9]|8[013-7]|90)"
    r"|8(?:1[1357-9]|2[235-8]|3[03-57-9]|4[0-24-9]|5[0-9]|6[2457-9]|7[1-6]|8[1256]"
    r"|9[2-4]))[0-9]"
)
_DIGITS = re.compile("[0-9]+")
_TEN = 10


def area_code_apart(text: str) -> bool | None:
    """Tell how sure it is that a number of India is written with an area code apart.

    True: it is a fixed line, whatever its digits are, as 080 98765432, +91 761 2621234.
    False: it is one if its digits may be one's, as 891 256 1234, which may be a mobile
    in groups. None: there is no area code apart.
    """
    groups = _DIGITS.findall(text)
    too_many = sum(map(len, groups)) - _TEN
    if too_many < 0:
        return None
    while too_many >= len(groups[0]):  # the country's code, or a zero by itself
        too_many -= len(groups.pop(0))
    before, groups[0] = groups[0][:too_many], groups[0][too_many:]
    if len(groups) < 2 or not _AREA_CODE.fullmatch(groups[0]):
        return None
    # Mobiles are parted behind four digits too, but not behind two or three.
    return before.endswith("0") or (len(groups) == 2 and len(groups[0]) < 4)
