"""The smallest programs: ask, and get a text; ask with a type, and get a value of that type.

python examples/quick_start.py
"""

import trellis as tr


@tr.function
def capital(s, country: str) -> str:
    s += tr.user("What is the capital of " + country + "?")
    s += tr.assistant(tr.gen("city", max_tokens=16))
    return s["city"]


@tr.function
def age(s, text: str) -> int:
    s += text + "\nAge: " + tr.gen("age", int)
    return s["age"]


def main() -> None:
    print(capital("Norway"))
    print(age("Clara Novak is a designer from Prague. She is 31 years old.") + 1, "next year")

    run = capital.run("Japan")  # everything about one run, not only its value
    usage = run.usage
    print(f"{run['city']}: {usage.prompt} prompt tokens, {usage.cached} of them cached")
    print(run.text())


if __name__ == "__main__":
    main()
