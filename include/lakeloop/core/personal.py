"""Personal data: what stands for it outside landing/, and which columns speak of a person by their name."""

import re
from collections.abc import Collection

from lakeloop.core.contract import Column, TableContract

MASK = "***"
_SAYS_NOTHING = ("bool", "double", "decimal")  # a yes or no and a measured number are of nobody, whatever they are called
_NAMES = {
    "an e-mail address": r"e?mails?|e_mail",
    "a phone number": r"(tele)?phones?|mobile|tel|msisdn|fax",
    "an IP address": r"ip|ipv4|ipv6|ip_addr(ess)?",
    "a name": r"(first|last|full|middle|maiden|given|family|sur|birth)_?name|forename|surname"
    r"|(customer|client|patient|passenger|guest|user|person|contact|employee|holder|owner|member)_name",
    "a date of birth": r"dob|birth|birth_?(day|date)|date_of_birth|born",
    "a number of an identity": r"ssn|social_security|national_id|nino|passport|driv(ing|er)_licen[cs]e|tax_id",
    "a bank account or a card": r"iban|(credit|debit)?card|card(no|number)|cvv|cvc|bank_account",
    "an address": r"address(es)?|addr|street|postcode|post_code|postal_code|zip|zip_?code",
}  # fmt: skip


def spoken_of(column: Column) -> str:
    """What of a person a column speaks of by its name, though nobody said whether it does; empty for nothing."""
    if column.personal or column.not_personal or column.type in _SAYS_NOTHING:
        return ""
    return next((what for what, names in _NAMES.items() if re.search(rf"(^|_)({names})(_|$)", column.name)), "")


def shielded(contract: TableContract, names: Collection[str] = ()) -> TableContract:
    """The contract with more columns marked, whatever they are: some by name, and those that speak of a person."""
    columns = (
        column.model_copy(update={"personal": True}) if column.name in names or spoken_of(column) else column
        for column in contract.columns
    )
    return contract.model_copy(update={"columns": tuple(columns)})
