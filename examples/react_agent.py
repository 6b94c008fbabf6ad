"""ReAct in plain code: thought, action, observation, again, until the agent finishes.

    python examples/react_agent.py

The trace is text that the program writes; the model fills its holes. Each hole has a constraint, so no parser is
needed and no step can be malformed: an action is one of those there are, its argument one of the places in the map.
"""

import trellis as tr

MAP = {
    "hall": ("kitchen", "library"),
    "kitchen": ("cellar", "hall"),
    "library": ("hall", "tower"),
    "cellar": ("kitchen",),
    "tower": ("library",),
}
THINGS = {"cellar": "a lamp", "tower": "a key", "kitchen": "a loaf of bread"}
RULES = "You search a house. Write a thought, then an action: look, go or finish."


@tr.function
def search(s, thing: str, steps: int = 6) -> dict[str, object]:
    """Look for a thing in a house."""
    place, seen = "hall", {}
    s += f"{RULES}\nTask: find {thing}.\n"
    for number in range(steps):
        s += f"Thought: I am in the {place}. I have seen {', '.join(seen) or 'nothing'}. I will"
        s += tr.gen(f"thought_{number}", max_tokens=12, stop=["\n", "."])
        # What makes no sense here is no choice here. A better model can be given more of them.
        found = thing in seen.values()
        possible = ["finish"] if found else ["go"] if place in seen else ["look"]
        s += "\nAction: " + tr.select(f"action_{number}", possible)
        action = s[f"action_{number}"]
        if action == "finish":
            break
        if action == "look":
            seen[place] = THINGS.get(place, "nothing")
            s += f"\nObservation: there is {seen[place]}; doors lead to {', '.join(MAP[place])}.\n"
        else:
            ways = [way for way in MAP[place] if way not in seen] or list(MAP[place])
            s += " to the " + tr.select(f"way_{number}", ways)
            place = s[f"way_{number}"]
            s += "\nObservation: you are there.\n"
    return {"found": thing in seen.values(), "seen": seen, "place": place}


def main() -> None:
    run = search.run("a lamp", steps=12)
    print(run.text())
    print(run.value)


if __name__ == "__main__":
    main()
