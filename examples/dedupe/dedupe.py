"""Merge two exports of a contact list."""


def merge_contacts(old: list[dict[str, str]], new: list[dict[str, str]]) -> list[dict[str, str]]:
    """All contacts of `old` and `new`, each e-mail address once, the first one seen kept.

    Addresses are compared without regard to case and surrounding blanks; contacts without one are left out.
    """
    seen: list[str] = []
    merged = []
    for contact in old + new:
        address = contact.get("email", "").strip().lower()
        if not address:
            continue
        if address not in seen:
            seen.append(address)
            merged.append(contact)
    return merged
