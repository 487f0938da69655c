"""What is said in the demo: short conversations, as a lender's desk has them.

A line is (who, kind, content…): `in` from the customer, `out` from the desk, and what
they quote of the loan in braces.
"""

Line = tuple[str, ...]

PAID = (
    ("out", "text", "Dear {name}, your EMI of ₹{emi} for loan {loan} is due on {due}."),
    ("in", "text", "Ok sir will pay tomorrow by UPI"),
    ("in", "image", "Paid. Please check and confirm"),
    ("out", "text", "Thank you {name}, ₹{emi} received. Receipt will follow by SMS."),
    ("in", "reaction", "🙏"),
)
HINDI_DUE = (
    ("out", "text", "नमस्ते {name} जी, लोन {loan} की किस्त ₹{emi} की तारीख {due} है।"),
    ("in", "text", "जी सर, सैलरी आते ही जमा कर दूँगी। दो दिन का समय दीजिए 🙏"),
    ("out", "text", "ठीक है, कृपया {due} तक अवश्य जमा करें।"),
    ("in", "button", "ठीक है"),
    ("in", "text", "और एक बात, अगली किस्त की तारीख 10 हो सकती है क्या?"),
)
BRANCH = (
    ("in", "text", "Sir aapka branch kahan hai? Cash jama karna hai"),
    (
        "out",
        "text",
        "Sunrise Finance, 2nd floor, MG Road. Open 10 am to 6 pm, Mon-Sat.",
    ),
    ("in", "location", "Shivaji Chowk"),
    ("in", "text", "Main yahan hoon, kitna door hai?"),
    ("out", "text", "10 minutes from there. Please bring your loan number {loan}."),
)
VOICE = (
    ("out", "text", "Dear {name}, loan {loan} is overdue. Please call 1800 000 0000."),
    (
        "in",
        "voice",
    ),
    ("in", "text", "Bimar tha sir isliye late hua. Agle hafte do kist ek saath dunga"),
    ("out", "text", "Noted. Please pay at least one EMI of ₹{emi} by Saturday."),
    ("in", "text", "Ji sir 👍"),
)
CALLBACK = (
    ("in", "text", "Please call me, I want to foreclose my loan {loan}"),
    ("out", "text", "Sure {name}. When may we call you?"),
    ("in", "list", "4 pm to 6 pm", "Today, in Hindi or English"),
    ("out", "text", "Noted, our officer will call you between 4 and 6 pm."),
    ("in", "text", "Ok waiting"),
)
STATEMENT = (
    ("in", "text", "Good morning, need statement of account for income tax"),
    ("out", "text", "Good morning {name}. For loan {loan}? Which year?"),
    ("in", "text", "Yes. FY 2025-26"),
    ("out", "document", "Statement-{loan}.pdf"),
    ("in", "reaction", "👍"),
    ("in", "text", "Thanks a lot for the quick help"),
)
RECEIPT = (
    ("in", "document", "UPI-receipt.pdf"),
    ("in", "text", "EMI bhar diya hai, receipt bhej raha hoon"),
    ("out", "text", "धन्यवाद {name} जी। ₹{emi} प्राप्त हुए।"),
    ("in", "reaction", "❤️"),
)
NEW_LOAN = (
    (
        "in",
        "text",
        "Hi, I need a loan of 1.5 lakh for shop renovation. What is the rate?",
    ),
    ("out", "text", "Hello! Thank you for writing. Do you have a GST number or Udyam?"),
    ("in", "button", "Yes, Udyam"),
    ("out", "text", "Please send a photo of the certificate and of your shop."),
    ("in", "image", "Udyam certificate"),
    ("in", "image", "Shop front, Main bazaar"),
)
WRONG_NUMBER = (
    ("out", "text", "Dear {name}, your EMI of ₹{emi} is due on {due}."),
    ("in", "text", "Wrong amount? Last month it was less. Please check 🤔"),
    ("out", "text", "₹{emi} includes the bounce charge of last month, ₹295."),
    ("in", "text", "Ok understood"),
    ("in", "image", "₹{emi} paid from Google Pay"),
)
CONTACT_CARD = (
    ("in", "text", "Mera number band rahega, bhai ka number le lijiye"),
    ("in", "contacts", "Santosh Kumar", "919800002999"),
    ("out", "text", "Thank you, we have noted the alternate number."),
)
MARATHI = (
    ("in", "text", "नमस्कार, माझा हप्ता भरला आहे. पावती मिळेल का?"),
    ("out", "text", "नमस्कार {name}, हो, ₹{emi} मिळाले. पावती पाठवतो."),
    ("in", "text", "धन्यवाद 🙏"),
)
NO_NAME = (
    ("in", "text", "Hello"),
    ("in", "text", "loan chahiye"),
    ("out", "text", "Hello! Please tell us your name and city."),
)

BORROWERS = (
    PAID,
    CALLBACK,
    HINDI_DUE,
    RECEIPT,
    VOICE,
    STATEMENT,
    PAID,
    VOICE,
    WRONG_NUMBER,
    MARATHI,
    BRANCH,
    CONTACT_CARD,
)
LEADS = (NEW_LOAN, NEW_LOAN, NO_NAME, BRANCH)
