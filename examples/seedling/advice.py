"""Advice: lists of tips, one tip explained, short plans, and small judgements about plans."""

from draw import Draw, Phrases
from sample import Sample, assistant, chat, plain, user

# topic: (tip, why it helps)
TIPS: dict[str, tuple[tuple[str, str], ...]] = {
    "better sleep": (
        ("go to bed at the same time every night", "your body learns when to rest"),
        ("keep the bedroom dark and cool", "darkness tells the brain that it is night"),
        ("avoid coffee in the evening", "caffeine stays in the blood for hours"),
        ("put the phone away an hour before bed", "bright screens keep you awake"),
    ),
    "healthy eating": (
        ("eat vegetables with every meal", "they are full of vitamins"),
        ("drink water instead of soda", "sugary drinks add many calories"),
        ("cook at home more often", "you decide what goes into the pot"),
        ("eat slowly", "it takes time to feel full"),
    ),
    "saving money": (
        ("write down what you spend", "you will see where the money goes"),
        ("cook instead of eating out", "restaurant meals are expensive"),
        ("wait a day before you buy something large", "many wishes pass quickly"),
        ("put a fixed sum aside each month", "small sums grow over time"),
    ),
    "learning a language": (
        ("practise a little every day", "short lessons are easier to remember"),
        ("listen to songs and films in that language", "your ear gets used to the sounds"),
        ("speak with other people", "talking makes you remember words"),
        ("keep a list of new words", "you can repeat them on the bus"),
    ),
    "studying for an exam": (
        ("start early", "you will have time to repeat everything"),
        ("make a plan for each day", "small steps are easier to finish"),
        ("explain the subject to a friend", "teaching shows what you do not know yet"),
        ("take short breaks", "a rested mind learns faster"),
    ),
    "staying fit": (
        ("walk or cycle to work", "movement becomes part of the day"),
        ("take the stairs", "it trains the heart and the legs"),
        ("exercise with a friend", "you will not skip it so easily"),
        ("stretch every morning", "it keeps the muscles flexible"),
    ),
    "a job interview": (
        ("read about the company", "you can ask good questions"),
        ("practise your answers", "you will feel calm when it matters"),
        ("arrive ten minutes early", "nobody likes to wait"),
        ("prepare an example of your work", "an example says more than a claim"),
    ),
    "public speaking": (
        ("practise in front of a mirror", "you see how you look to others"),
        ("speak slowly", "people can follow you better"),
        ("start with a short story", "a story wins attention"),
        ("look at the audience", "it shows that you are confident"),
    ),
    "growing plants": (
        ("water them in the morning", "less water is lost to the sun"),
        ("put them near a window", "plants need light to grow"),
        ("use good soil", "roots find food in it"),
        ("remove dry leaves", "the plant saves its strength"),
    ),
    "travelling light": (
        ("make a list before you pack", "you will not carry things twice"),
        ("choose clothes that match", "a few pieces make many outfits"),
        ("roll your clothes", "rolled clothes need less space"),
        ("leave heavy books at home", "a reader weighs much less"),
    ),
    "time management": (
        ("plan the day the evening before", "you start without doubt"),
        ("do the hardest task first", "the rest of the day feels easy"),
        ("turn off notifications", "every interruption costs minutes"),
        ("group small tasks together", "you switch less between things"),
    ),
    "writing clearly": (
        ("use short sentences", "readers do not get lost"),
        ("choose simple words", "everyone understands them"),
        ("read the text aloud", "you hear what sounds wrong"),
        ("delete what is not needed", "less text gets more attention"),
    ),
    "cooking pasta": (
        ("use a large pot of water", "the pasta does not stick"),
        ("add salt to the water", "the pasta gets more taste"),
        ("stir now and then", "it cooks evenly"),
        ("keep a cup of the water", "it makes the sauce smooth"),
    ),
    "making friends": (
        ("join a club", "you meet people who like the same things"),
        ("listen carefully", "people feel that you care"),
        ("smile when you greet others", "a smile opens doors"),
        ("invite someone for a coffee", "talking is easier in a cafe"),
    ),
    "less stress": (
        ("breathe slowly for a minute", "slow breath calms the heart"),
        ("go for a walk", "fresh air clears the mind"),
        ("write down your worries", "on paper they look smaller"),
        ("say no sometimes", "you cannot do everything"),
    ),
    "safe driving": (
        ("keep your distance", "you need time to brake"),
        ("leave the phone in the bag", "one look away can be enough for an accident"),
        ("rest on long trips", "tired drivers react late"),
        ("check the tyres", "good tyres hold the road"),
    ),
    "caring for a dog": (
        ("walk the dog twice a day", "dogs need to move"),
        ("give fresh water every day", "clean water keeps it healthy"),
        ("train with small rewards", "dogs learn from what they like"),
        ("visit the vet once a year", "problems are found early"),
    ),
    "a tidy home": (
        ("put things back at once", "a mess never gets large"),
        ("clean one room a day", "small jobs are quickly done"),
        ("give away what you do not use", "fewer things need less order"),
        ("use boxes with labels", "you find everything quickly"),
    ),
    "taking photos": (
        ("look for soft light", "faces look better in it"),
        ("keep the camera still", "the picture gets sharp"),
        ("move closer", "details tell a story"),
        ("take several pictures", "one of them will be good"),
    ),
    "running": (
        ("start slowly", "your body needs time to adapt"),
        ("buy good shoes", "they protect your knees"),
        ("drink enough water", "the body loses water when it works"),
        ("rest one day a week", "muscles grow while you rest"),
    ),
    "working from home": (
        ("set fixed hours", "work does not fill the evening"),
        ("have a separate desk", "the mind knows when it is time to work"),
        ("take a real lunch break", "you come back with new energy"),
        ("call a colleague each day", "you stay part of the team"),
    ),
    "saving energy": (
        ("turn off lights you do not need", "every lamp uses power"),
        ("wash with cold water", "heating water costs the most"),
        ("close the windows when you heat", "warm air stays inside"),
        ("unplug idle devices", "they use power even when they sleep"),
    ),
    "learning to code": (
        ("write small programs every day", "practice makes ideas stick"),
        ("read the error message", "it often says what is wrong"),
        ("build something you like", "joy keeps you going"),
        ("read code of others", "you see new ways to solve things"),
    ),
    "a good presentation": (
        ("use few words on each slide", "people listen or read, not both"),
        ("show one clear picture", "pictures are remembered"),
        ("end with the main point", "the end stays in mind"),
        ("test the projector first", "technical trouble costs time"),
    ),
}
PLANS: dict[str, tuple[str, ...]] = {
    "a birthday party": (
        "Choose a date and invite the guests.",
        "Buy food, drinks and a cake.",
        "Decorate the room and enjoy the party.",
    ),
    "a weekend trip": (
        "Pick a place and check the weather.",
        "Book a train and a room.",
        "Pack a small bag and go.",
    ),
    "a new website": (
        "Decide what the site should say.",
        "Design the pages and write the text.",
        "Test the site and publish it.",
    ),
    "moving to a new flat": (
        "Pack your things into boxes.",
        "Rent a van and ask friends for help.",
        "Carry everything in and unpack.",
    ),
    "baking a cake": (
        "Read the recipe and buy what is missing.",
        "Mix the dough and heat the oven.",
        "Bake the cake and let it cool.",
    ),
    "writing a report": (
        "Collect the facts you need.",
        "Write a first draft.",
        "Check the text and send it.",
    ),
    "learning the guitar": (
        "Get a guitar and tune it.",
        "Learn three simple chords.",
        "Practise one song every day.",
    ),
    "planting a garden": (
        "Choose a sunny place.",
        "Dig the soil and sow the seeds.",
        "Water the plants and pull the weeds.",
    ),
    "a team meeting": (
        "Write down the topics.",
        "Invite the team and book a room.",
        "Lead the talk and note the decisions.",
    ),
    "running a marathon": (
        "Start with short runs.",
        "Run a little longer every week.",
        "Rest before the race and run it.",
    ),
    "fixing a bicycle": (
        "Find out what is broken.",
        "Buy the part you need.",
        "Replace the part and test the brakes.",
    ),
    "opening a shop": (
        "Find a good place and count the costs.",
        "Order goods and hire help.",
        "Tell people about it and open the door.",
    ),
    "a job search": (
        "Update your letter and list your skills.",
        "Look for open positions and apply.",
        "Prepare for the talks and choose the best offer.",
    ),
    "cleaning the house": (
        "Put things back in their place.",
        "Dust the shelves and wipe the tables.",
        "Clean the floor and take out the trash.",
    ),
}
_SLOPPY = (
    "Do nothing and hope for the best.",
    "Wait until it is too late.",
    "Buy everything without looking at the price.",
    "Let somebody else worry.",
    "Start without thinking and stop halfway.",
    "Ask nobody and forget the date.",
    "Sleep all day and skip the work.",
)

_TIP_ASKS = Phrases(
    "[List|Give|Write|Name|Show|Give me|List me] {n} [|short |good |useful ]tips [for|on|about] {t}, one per line.",
    "[Give me|Give|I need|I want|Write|Name|Share] {n} [|short |good |simple ]tips [for|on|about] {t}.",
    "[What are|Which are|Do you have|Can you give me] {n} [|good |useful ]tips [for|on|about] {t}?",
    "[Here is a request|Wanted|My wish]: {n} tips for {t}.",
    "[Tips|Advice] [for|on] {t}: {n} [lines|points], one per line.",
    "{n} tips for {t}, [please|one per line].",
    "How [do I get|can I get] [on with|better at] {t}? [Give|List] {n} tips.",
)
_EXPANDS = Phrases(
    "[Expand|Turn|Develop] [this|the] tip [for|on] {t} into a [short |]paragraph: {i}",
    "[Explain|Expand|Discuss] [this|the] tip [for|on|about] {t}: {i}",
    "[Write|Say|Tell me] more [about|on] [this|the] tip[| for {t}]: {i}",
    "[Expand|Explain|Describe] [the|this] [tip|point|advice|idea]: {i}",
    "[Turn|Make] this tip into a [short|small] [paragraph|text]: {i}",
    "[Tell me|I want to hear|I want to know] more about [this|the following] [tip|point|advice]: {i}",
    "[Why|How] does this help with {t}? {i}",
    "[Tip|Point]: {i}\n[Explain it|Tell me more|Why is that|Expand it].",
)
_BODIES = (
    "{T}. This works because {w}. Try it for a week and you will see the difference.",
    "If you want {g}, {t}. The reason is simple: {w}.",
    "It helps to {t}, because {w}. Start small and keep going.",
    "{T}. Many people forget this, yet {w}.",
)


def _tip_line(tip: str) -> str:
    return f"{tip[0].upper()}{tip[1:]}."


def _paragraph(draw: Draw, topic: str, tip: str, why: str) -> str:
    return draw.one(_BODIES).format(
        T=tip[0].upper() + tip[1:], t=tip, w=why, g=f"progress with {topic}"
    )


def tips(draw: Draw) -> Sample:
    """A list of tips, or one tip expanded, as chat or as continued text."""
    topic = draw.one(tuple(TIPS))
    chosen = draw.some(TIPS[topic], 2, 4)
    asked = draw.instruction(_TIP_ASKS).format(n=len(chosen), t=topic)
    numbered = "per line" not in asked
    lines = "\n".join(
        f"{i}. {_tip_line(t)}" if numbered else _tip_line(t) for i, (t, _) in enumerate(chosen, 1)
    )
    tip, why = draw.one(chosen)
    dice = draw.rng.random()
    if dice < 0.35:
        return chat("tips", user(asked), assistant(lines))
    if dice < 0.65:
        shown = _tip_line(tip) if draw.chance(0.7) else tip
        return chat(
            "tips",
            user(draw.instruction(_EXPANDS).format(t=topic, i=shown)),
            assistant(_paragraph(draw, topic, tip, why)),
        )
    if dice < 0.75:
        bullets = "\n".join(f"- {_tip_line(t)}" for t, _ in chosen)
        return plain("tips", f"Tips for {topic}:\n", bullets)
    if dice < 0.85:
        return plain(
            "tips", f"Tip: {_tip_line(tip)}\nExplanation: ", _paragraph(draw, topic, tip, why)
        )
    more = draw.instruction(_EXPANDS).format(t=topic, i=_tip_line(tip))
    return chat(
        "tips",
        user(asked),
        assistant(lines),
        user(more),
        assistant(_paragraph(draw, topic, tip, why)),
    )


_PLAN_ASKS = Phrases(
    "[Give|Write|Make|Draw up|Create|Give me] a [short|simple|small|step-by-step] plan for {t}.",
    "[Make|Write|Give|Sketch] a plan [in|with|of] [3|three] steps for {t}.",
    "How [do|can|should] I [go about|start with|handle] {t}? [Answer|Reply|Explain] in three steps.",
    "[Write|Make|Give|I need] a [3-step|three-step|step by step] plan for {t}.",
    "Plan {t} [in three steps|step by step|for me].",
    "[I need|I want|We need] a plan for {t}.",
    "[List|Name|What are] the [three |]steps for {t}[.|?]",
)
_STEP_ASKS = Phrases(
    "What is step {n} [of a plan|of the plan] for {t}?",
    "[Propose|Suggest|Offer] step {n} for {t}.",
    "[Give|Tell me|State] step {n} of the plan for {t}.",
    "[Name|Give|Write] [only|just] step {n} for {t}.",
    "[Write|Describe|Show] step {n} for {t}.",
    "[For|Planning] {t}: what is step {n}?",
    "Step {n} for {t}?",
)
_BETTER = Phrases(
    "[Which of these|Which of the] two plans for {t} is better?\nA: {a}\nB: {b}",
    "Plan A: {a}\nPlan B: {b}\n[Which plan|Which one|What] is better for {t}, A or B?",
    "For {t}, [choose|pick|take|select] the better plan.\nA: {a}\nB: {b}\n[Answer|Reply|Say] A or B.",
    "A: {a}\nB: {b}\n[Pick|Choose|Name] the better plan for {t}.",
    "[Compare|Judge] [these|the] plans for {t}.\nA: {a}\nB: {b}\n[Better plan|The better one|A or B]?",
    "A: {a}\nB: {b}\n[Is A or B|Which is] better for {t}?",
)
_SCORE = Phrases(
    "[Rate|Grade|Label|Judge|Mark] this step for {t} as good or bad: {a}",
    "Is this [step|idea|move] for {t} good or bad? {a}",
    "[Step|Idea] for {t}: {a}\n[Good or bad|Is it good or bad|Bad or good]?",
    "[Judge|Rate|Assess] this step for {t}, good or bad: {a}",
    "{a}\n[Good or bad|Is that good or bad] for {t}?",
    "[Good or bad|Is it good or bad], this step for {t}: {a}",
    "[Say|Tell me|Decide] [good or bad|whether it is good or bad]: {a} (a step for {t})",
    "For {t}, is it good or bad to do this: {a}",
)


def plans(draw: Draw) -> Sample:
    """A plan, one step of it, the better of two plans, or the worth of a step."""
    topic = draw.one(tuple(PLANS))
    steps = PLANS[topic]
    dice = draw.rng.random()
    if dice < 0.35:
        text = "\n".join(f"{i}. {s}" for i, s in enumerate(steps, 1))
        return chat("plan", user(draw.instruction(_PLAN_ASKS).format(t=topic)), assistant(text))
    if dice < 0.55:
        number = draw.number(1, 3)
        return chat(
            "plan",
            user(draw.instruction(_STEP_ASKS).format(n=number, t=topic)),
            assistant(steps[number - 1]),
        )
    good, bad = " ".join(steps[: draw.number(1, 3)]), draw.one(_SLOPPY)
    if dice < 0.8:
        first = draw.chance(0.5)
        a, b = (good, bad) if first else (bad, good)
        ask = draw.instruction(_BETTER).format(t=topic, a=a, b=b)
        return chat("judge", user(ask), assistant("A" if first else "B"), choices=("A", "B"))
    fine = draw.chance(0.5)
    ask = draw.instruction(_SCORE).format(t=topic, a=draw.one(steps) if fine else bad)
    return chat("judge", user(ask), assistant("good" if fine else "bad"), choices=("good", "bad"))
