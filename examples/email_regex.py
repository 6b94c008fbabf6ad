"""A regular expression as a constraint: the answer is an address, whatever the model would like to say.

python examples/email_regex.py
"""

import trellis as tr

EMAIL = r"[a-z0-9_.]+@[a-z0-9]+(\.[a-z]{2,6})+"


@tr.function
def find_email(s, text: str) -> str:
    """Find the email address in a text."""
    s += tr.user("Extract the email from this text: " + text)
    s += tr.assistant(tr.gen("email", regex=EMAIL, max_tokens=40))
    return s["email"]


def main() -> None:
    texts = (
        "Nora Quist can be reached at nora.quist@example.com. She works in sales.",
        "Tomas Okafor has the address tokafor12@letters.eu.",
        "The contact is Mei Tanaka. Her email address is mtanaka@inbox.net.",
    )
    for text in texts:
        print(find_email(text))


if __name__ == "__main__":
    main()
