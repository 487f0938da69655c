"""Who the demo's lender lends to, as its own books have them."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A borrower, or somebody who only asks. Without loan: `loan_number` is ""."""

    place: int
    name: str  # as the books have it
    profile_name: str  # as WhatsApp shows it
    phone: str | None  # wa_id; None while WhatsApp withholds it
    username: str = ""
    state: str = ""
    language: str = ""
    loan_number: str = ""
    loan_amount: Decimal = Decimal(0)
    emi: Decimal = Decimal(0)
    months: int = 0
    months_paid: int = 0
    days_past_due: int = 0

    @property
    def user_id(self) -> str:
        return f"IN.77143029{self.place:08d}"


# name in the books | WhatsApp profile, "=" when the same | state | language
# | loan in thousands | months | paid | days past due
_BOOKS = """
Asha Verma|=|Maharashtra|Hindi|150|24|9|0
Ravi Shankar Iyer|Ravi Iyer|Tamil Nadu|Tamil|220|36|14|0
प्रिया शर्मा|Priya 🌸|Uttar Pradesh|Hindi|80|18|3|12
Mohammed Irfan Khan|Irfan Khan|Telangana|Urdu|125|24|20|0
Sunita Devi|=|Bihar|Hindi|60|12|5|34
Gurpreet Singh Gill|Gurpreet ਗਿੱਲ|Punjab|Punjabi|350|48|11|0
Lakshmi Narayanan|Lakshmi|Kerala|Malayalam|95|18|17|0
Deepak Kumar Yadav|दीपक यादव|Uttar Pradesh|Hindi|175|30|2|61
Anjali Mehta|Anjali M|Gujarat|Gujarati|260|36|22|0
Rahul Deshmukh|rahul d|Maharashtra|Marathi|140|24|7|5
Fatima Begum|=|Karnataka|Urdu|70|12|10|0
Suresh Babu Reddy|Suresh Reddy|Andhra Pradesh|Telugu|300|48|30|0
Pooja Chauhan|Pooja|Rajasthan|Hindi|110|24|6|18
Arun Prakash|=|Tamil Nadu|Tamil|85|18|12|0
Kavita Joshi|Kavita Joshi 🙏|Uttarakhand|Hindi|130|24|1|0
Vikram Rathore|Vicky|Rajasthan|Hindi|400|60|8|92
Meena Kumari|मीना|Delhi|Hindi|55|12|11|0
Sandeep Patil|=|Maharashtra|Marathi|210|36|19|0
Nasreen Akhtar|Nasreen|West Bengal|Bengali|90|18|4|27
Joseph Mathew|Joe Mathew|Kerala|Malayalam|275|48|25|0
Rekha Gupta|=|Madhya Pradesh|Hindi|65|12|8|0
Amit Kumar Sinha|Amit Sinha|Jharkhand|Hindi|160|30|13|0
Bhavna Patel|Bhavna|Gujarat|Gujarati|120|24|21|0
Harish Chandra|हरीश चन्द्र|Uttar Pradesh|Hindi|75|18|2|45
Divya Nair|=|Kerala|Malayalam|190|36|16|0
Manoj Tiwari|Manoj Tiwari|Bihar|Hindi|105|24|10|0
Swati Kulkarni|Swati|Maharashtra|Marathi|145|24|18|0
Imran Sheikh|=|Gujarat|Hindi|230|36|5|9
Geeta Rani|Geeta|Haryana|Hindi|50|12|7|0
Prakash Jha|=|Bihar|Hindi|115|24|3|73
Shalini Rao|Shalini R|Karnataka|Kannada|285|48|33|0
Balwinder Kaur|Balwinder|Punjab|Punjabi|98|18|9|0
Ganesh Murthy|Ganesh|Karnataka|Kannada|170|30|26|0
Tarun Bose|তরুণ|West Bengal|Bengali|135|24|15|0
Usha Pillai|=|Kerala|Malayalam|88|18|6|0
Naveen Choudhary|=|Rajasthan|Hindi|205|36|4|31
"""

# Who writes without having a loan: new leads. One shows only a username, one no name.
_LEADS = (
    Person(place=90, name="", profile_name="Zoya", phone=None, username="zoya_writes"),
    Person(place=91, name="", profile_name="Sameer Auto Works", phone="919800002091"),
    Person(place=92, name="", profile_name="", phone="919800002092"),
    Person(place=93, name="", profile_name="Kiran 🚜", phone="919800002093"),
)


def borrowers() -> list[Person]:
    people = []
    for place, line in enumerate(_BOOKS.strip().splitlines(), start=1):
        name, profile, state, language, thousands, months, paid, late = line.split("|")
        amount = Decimal(thousands) * 1000
        # A flat rate of 1.5 % a month, to whole tens.
        emi = (
            (amount * (1 + Decimal("0.015") * int(months)) / int(months)).quantize(
                Decimal(1)
            )
            // 10
            * 10
        )
        people.append(
            Person(
                place=place,
                name=name,
                profile_name=name if profile == "=" else profile,
                phone=f"9198000020{place:02d}",
                state=state,
                language=language,
                loan_number=f"SF-{2400 + place * 7}",
                loan_amount=amount,
                emi=emi,
                months=int(months),
                months_paid=int(paid),
                days_past_due=int(late),
            )
        )
    return people


def everybody() -> list[Person]:
    return [*borrowers(), *_LEADS]
