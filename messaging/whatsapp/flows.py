"""What a customer filled into a Flow: a form of the business's, shown by WhatsApp."""

from messaging.whatsapp.values import (
    JsonObject,
    UnreadableBody,
    load,
    object_at,
    text_at,
)


def flow_answer(item: JsonObject) -> str:
    """Return a Flow's answer as it came, JSON in a text; "" for any other message."""
    answer = object_at(object_at(item, "interactive"), "nfm_reply")
    if text_at(answer, "name") != "flow":
        return ""  # an address form is WhatsApp's own, with fields of its own
    return text_at(answer, "response_json")


def answer_to(field: str, answer: str) -> str:
    """Return what an answer says in one field; "" unless it is text.

    Its JSON is made by the Flow and may be anything; only its outermost fields count.
    """
    try:
        # The same reading as of a body: nothing that PostgreSQL refuses comes out.
        fields = load(answer.encode())
    except UnreadableBody:
        return ""
    return text_at(fields, field).strip() if isinstance(fields, dict) else ""
