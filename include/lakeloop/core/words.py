"""Words for people: a number with its noun."""


def counted(number: int, noun: str) -> str:
    """`1 date`, `2 dates`, `3 deliveries`, `4 branches`."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y"):
        return f"{number} {noun[:-1]}ies"
    return f"{number} {noun}{'es' if noun.endswith(('ch', 'sh', 's', 'x')) else 's'}"
