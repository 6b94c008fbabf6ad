"""Markers: the words a label is known by, put into many frames, so that a sentence never seen is still decidable.

`~` groups are shared by training and test; the frames around them are split like all templates.
"""

from draw import Phrases

_HOT = (
    "[~urgent|very urgent|critical|emergency|immediate|top priority|highest priority|extremely urgent|"
    "disaster|alarm|alert|SOS]"
)
_DEAD = (
    "[~is down|is dead|is offline|is broken|crashed|has crashed|has failed|stopped working|does not respond|"
    "is on fire|was hacked|is out of order|does not work at all|broke down|was stolen|has stopped|is gone]"
)
_NOW = (
    "[~now|right now|immediately|at once|this minute|instantly|right away|without delay|within the hour|"
    "as soon as possible|this second]"
)
_HARM = (
    "[~we lose money|customers are complaining|nobody can work|no one can log in|we lose orders|all work has "
    "stopped|we are losing data|everyone is locked out|the whole office stands still|we cannot wait|this cannot "
    "wait|everything depends on it|every minute counts|there is smoke|people are in danger]"
)
_SOON = (
    "[~this week|tomorrow|in the next days|within a few days|before the weekend|by {d}|on {d}|before {d}|"
    "by the end of the week|in two days|soon]"
)
_PARTLY = (
    "[~is slower than usual|shows an error now and then|sometimes fails|sometimes stops|drops the connection "
    "once a day|hangs from time to time|has a part missing|shows a wrong value at times|works only partly|is "
    "unstable|is louder than usual|has a problem for one user]"
)
_EASY = (
    "[~no hurry|no rush|not urgent|nothing urgent|low priority|it can wait|take your time|no deadline|no stress|"
    "not important|no big deal|when you have time|whenever you like|if you are bored|if you are in the mood|"
    "if you feel like it|feel free to ignore this]"
)
_ONCE = (
    "[~some day|one day|next year|later|in the future|at some point|when you find a free moment|whenever you "
    "have time|if you have a minute some day|when you are bored]"
)
_TINY = (
    "[~has a tiny typo|has a small scratch|looks a bit dull|is a little dusty|has an old picture|could use a new "
    "colour|could be prettier|is a bit dated|has a little mistake|is fine but old]"
)
URGENT = {
    "high": Phrases(
        f"{_HOT}: the {{x}} {_DEAD}.",
        f"{_HOT}! The {{x}} {_DEAD}, {_HARM}.",
        f"The {{x}} {_DEAD}, {_HARM}!",
        f"The {{x}} {_DEAD} and {_HARM}.",
        f"Please fix the {{x}} {_NOW}.",
        f"{_HARM} because the {{x}} {_DEAD}.",
        f"This is {_HOT}, the {{x}} {_DEAD}.",
        f"Come {_NOW}, the {{x}} {_DEAD}!",
        f"We need help with the {{x}} {_NOW}!",
        f"Since an hour the {{x}} {_DEAD}. {_HARM}!",
        f"The {{x}} must be repaired {_NOW}.",
        f"{_HOT}: {_HARM}, look at the {{x}} {_NOW}.",
        f"Help! The {{x}} {_DEAD}.",
        f"[Our|My|Your|That] {{x}} {_DEAD}. Answer {_NOW}, {_HARM}.",
        f"{_NOW} please: the {{x}} {_DEAD}.",
        f"It is {_HOT}: {_HARM}.",
    ),
    "medium": Phrases(
        f"The {{x}} {_PARTLY}, please check it {_SOON}.",
        f"The {{x}} {_PARTLY}.",
        f"Please look at the {{x}} {_SOON}.",
        f"Could you repair the {{x}} {_SOON}?",
        f"The {{x}} {_PARTLY}, can you see to it {_SOON}?",
        f"It would be good to have the {{x}} ready {_SOON}.",
        f"[Our|My|That] {{x}} {_PARTLY}. Please have a look {_SOON}.",
        f"We need the {{x}} checked {_SOON}.",
        f"{_SOON} somebody should look at the {{x}}, it {_PARTLY}.",
        f"The {{x}} should be replaced {_SOON}.",
        f"Since {{d}} the {{x}} {_PARTLY}.",
        f"I would like an answer about the {{x}} {_SOON}.",
        f"Normal priority: the {{x}} {_PARTLY}.",
        f"Medium priority, the {{x}} needs a check {_SOON}.",
    ),
    "low": Phrases(
        f"{_EASY}: the {{x}} {_TINY}.",
        f"The {{x}} {_TINY}, {_EASY}.",
        f"The {{x}} {_TINY}.",
        f"{_ONCE} we could replace the {{x}}.",
        f"Please clean the {{x}} {_ONCE}.",
        f"{_EASY}, but the {{x}} {_TINY}.",
        f"It would be nice to have a new {{x}} {_ONCE}.",
        f"Could you tidy the {{x}} {_ONCE}? {_EASY}.",
        f"An idea for the {{x}}, {_EASY}.",
        f"{_EASY}, {_ONCE} update the {{x}}.",
        f"I saw that the {{x}} {_TINY}. {_EASY}.",
        f"About the {{x}}: {_EASY}.",
        f"{_ONCE}, {_EASY}, paint the {{x}}.",
        f"[Our|My|That] {{x}} {_TINY}, {_EASY}.",
        f"Just a remark, the {{x}} {_TINY}. {_EASY}.",
        f"{_EASY}, clean the {{x}}.",
    ),
}
MATTERS = {
    "billing": (
        "[~invoice|bill|refund|charge|card payment|receipt|payment|price of my plan|subscription fee|discount|"
        "coupon|voucher|bank transfer|credit card charge|fee|tax on the bill|monthly cost|money I paid|"
        "amount charged|billing statement|double charge]"
    ),
    "technical": (
        "[~app|error message|crash|search button|save button|black screen|start page|update|installation|wifi|"
        "bluetooth connection|printer|keyboard|camera|bug|video playback|program|software|microphone|device|"
        "page that does not load|frozen screen|download]"
    ),
    "shipping": (
        "[~parcel|package|delivery|courier|tracking number|shipment|delivery date|damaged box|driver|delivery "
        "address|shipping time|lost parcel|postman|order that has not arrived|wrong item in the box|"
        "shipping to {c}|tracking page|delivery to {c}]"
    ),
    "account": (
        "[~password|login|user name|profile|account|email address in my profile|password reset|sign-in|"
        "registration|second user|user invitation|two-step login|login code|profile picture|locked account|"
        "access to my account|new user|account settings|confirmation link|log-in page of my account]"
    ),
}
TICKETS = Phrases(
    "I have a [question|problem|complaint] about [the|my] {m}.",
    "There is [a problem|an issue|something wrong] with [the|my] {m}.",
    "[Please|Can you|Could you] help me with [the|my] {m}[.|?]",
    "[My|The] {m}: [what is wrong|what now|who can help]?",
    "[I write|I call|This is] about [the|my] {m}.",
    "[How|Where|When] can I [see|find|check|get] [the|my] {m}?",
    "[Who|Which team] takes care of the {m}?",
    "I do not understand the {m}.",
    "[The|My] {m} [looks|is|seems] wrong.",
    "What about [the|my] {m}?",
    "[Something|Nothing] about my {m} [is right|makes sense|is clear].",
    "[Still|Again] trouble with the {m}.",
    "[Tell me|Let me know|I need to know] more about the {m}.",
    "I am [not happy|unhappy] with the {m}.",
    "[Question|Problem|Topic|Help]: {m}.",
    "Since {d} I have been waiting for news about the {m}.",
    "[Can|Could] you [check|explain|look into] the {m}?",
    "The {m} [bothers|worries|surprises] me.",
)
LABEL_FRAMES = Phrases(
    "{t}\n[What|Which] {n} is [this|it]? ({c})\n[Answer|A]: ",
    "[Task|Job]: [find|name|tell] the {n}. [Labels|Options]: {c}.\n[Input|Text]: {t}\n[Output|Label]: ",
    "{o}: {t}\n[Choose|Pick] from {c}: ",
    "{t}\n=> ",
    "[Input|{o}]: {t}\n[Output|{n}]: ",
    "[Here is|This is] a {o}: {t}\n[The {n} is|{n}:] ",
    "{t}\n[This|The] {o} is about {n}. [Answer|{n}]: ",
    "{o}: {t}\n{n} ({c}): ",
    "{o} = {t}\n{n} = ",
    "{t}\n[I would say the|We say the|So the|Clearly, the|In short, the] {n} is ",
    "[Say|Write|State|Guess] the {n} ({c}) of the {o}.\n{t}\n[Answer|{n}]: ",
    '"{t}"\n[{n}|Label|Its {n}]: ',
    '{o}: "{t}"\n[Its {n} is|The {n} of it is|It has the {n}] ',
    "{t} ({c}?) [Answer|It is]: ",
    "{n} of the {o} [below|here]:\n{t}\nis ",
    "[Options|Labels]: {c}\n{o}: {t}\n[Right option|Label|{n}]: ",
)
LABEL_ASKS = Phrases(
    "[I need|We need|I want|Give me] the {n} of the {o}[ below|]: {t}\n{c}?",
    "[Is this|Is it] {r}? {t}",
    "[Here is|This is|Take] a {o}: {t}\n[What|Which] {n} would you give it? {c}.",
    "{t}\n[Tag|Sort|File|Mark] it as {r}.",
    "[Put|Sort|File] the {o} under {r}.\n{t}",
    "[Out of|Among|From] {c}, [what|which] is the {n} here? {t}",
    "[Select|Say|Write|Guess] {r} for this {o}.\n\n{t}",
    "[The|Your] choices are {c}. [Now|Then] [choose|label|judge]: {t}",
    '"{t}"\n\n[What|Which] {n}[, {r}]?',
    "{o}:\n{t}\n\n{n} [among|out of] {c}[?|.|:]",
    "[Help me|Please help] [sort|label|tag] this {o} ({c}): {t}",
    "[How|As what] would you [label|sort|tag|judge] this {o}: {r}?\n{t}",
    "[Evaluate|Assess|Check|Analyse] the {n} of [this|the] {o}: {t}\n{c}",
)
