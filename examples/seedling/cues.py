"""Cues: sentences that carry a label. Groups make many out of few, and frames and complaints mix freely."""

from draw import Phrases

SYSTEM_WORDS = [
    "server",
    "website",
    "database",
    "network",
    "printer",
    "app",
    "shop",
    "alarm",
    "elevator",
    "router",
    "scanner",
    "laptop",
    "heating",
    "camera",
    "phone_line",
    "login_page",
    "payment_system",
    "mail_service",
    "booking_tool",
    "main_door",
    "ticket_machine",
    "search_page",
    "coffee_machine",
    "backup",
    "projector",
    "lamp",
    "website_menu",
    "newsletter",
    "report",
    "logo",
    "calendar",
    "wiki",
    "desk",
    "door_lock",
]
_TEAM = "[nobody|no one|none of us|not one customer|not a single user]"
URGENT = {
    "high": Phrases(
        f"The {{x}} is [down|dead|offline|broken|out of order] and {_TEAM} can [work|log in|go on|order]!",
        "[Emergency|Alert|Disaster|Alarm|SOS]: the {x} has [failed|crashed|stopped|caught fire|broken down].",
        "We need the {x} [fixed|repaired|back|running|restored] "
        "[immediately|right away|at once|now|instantly].",
        "[URGENT|Urgent|Very urgent|Critical]: the {x} [stopped working|is down|does not "
        "respond|crashed][|, customers are complaining|, we lose orders].",
        "Please help [right now|at once|immediately|this minute], the {x} is [broken|down|gone|on fire].",
        "We are losing [money|customers|orders|data] [every minute|by the second|all the "
        "time] because the {x} is [down|broken|offline].",
        "[Critical|Complete|Total|Serious] [outage|failure|breakdown] of the {x} "
        "since [this morning|an hour ago|midnight].",
        "The {x} was [hacked|attacked|broken into|stolen], [act|react|do "
        "something] [at once|now|immediately]!",
        "[Fix|Repair|Restore] the {x} [as soon as possible|right now|immediately|at once], [this "
        "cannot wait|we cannot wait|everything depends on it].",
        "There is [smoke|fire|water|a burning smell] [coming from|in|around] the {x}!",
        "The {x} must [work|run|be back] [again|] within [the hour|minutes|ten minutes].",
        "[All|Most of our|Our] [users|customers|colleagues] are [locked out "
        "of|cut off from|unable to use] the {x}.",
        "[Everything|The whole office|All work] [has stopped|stands still] because "
        "[of the|the] {x} [failure|crash|outage].",
        "[Drop everything|Hurry|Quick], the {x} [is failing|has crashed|needs you now]!",
        "We [cannot|can not] [wait|work] [any longer|another minute], the {x} is [dead|down].",
        "[Immediate|Instant] help [is needed|needed|wanted] with the {x}.",
        "[We|I|They] need [it|this|an answer|help|the {x}] [immediately|right "
        "now|this minute|at once|now][!|.]",
        "[Please act|Answer|Call me] [at once|immediately|right now][!|, it is about the {x}!]",
    ),
    "medium": Phrases(
        "The {x} is [slower|louder|weaker|less stable] than usual, please [have a "
        "look|check it] [this week|tomorrow|in the next days].",
        "[Could|Can|Would] you [check|test|repair|look at] the {x} by {d}?",
        "The {x} shows [an error|a warning|a wrong value] [now and "
        "then|sometimes|from time to time|twice a day].",
        "Please [repair|fix|check|replace] the {x} in the next [few days|two days|days].",
        "We would like [the {x} fixed|a new {x}] before {d}.",
        "[One user reports|Two users report|A colleague has|Some people see] a problem with the {x}.",
        "The {x} works, but [sometimes|now and then|at times] [fails|stops|hangs].",
        "Please look into the {x} [tomorrow|this week|by {d}|on {d}].",
        "The {x} should be [checked|repaired|tested] [before the weekend|by {d}|this week].",
        "A part of the {x} is [missing|loose|worn], please see to it [this week|by {d}|soon].",
        "[It would help|We would be glad|It is important] to have the {x} [working|fixed|ready] by {d}.",
        "The {x} [needs|requires] [attention|a check|a repair] [this week|within a few days|before {d}].",
        "[Some|A few] pages of the {x} [do not load|are wrong|look odd], please "
        "fix [them|it] [this week|tomorrow].",
        "The {x} [loses|drops] the connection [sometimes|once a day], [have a "
        "look|please check] when you can this week.",
    ),
    "low": Phrases(
        "[Whenever|When|If] you [have|find] [time|a free moment|a minute some day], "
        "please [update|clean|check|tidy] the {x}.",
        "[No hurry|No rush|No stress|Not urgent|Nothing urgent]: the {x} could use [a "
        "new colour|new text|a clean|an update].",
        "[A small|A tiny|Just an] idea for the {x}, [for some day|for later|for the future].",
        "The {x} has a [tiny|small|little] [typo|scratch|mistake], [not "
        "important|no big deal|nobody minds|never mind].",
        "It would be nice to have a [better|newer|prettier|faster] {x} [next "
        "year|one day|some day|in the future].",
        "Just a [question|thought|remark] about the {x}, [no rush|no hurry|take your time].",
        "If you are [bored|free|in the mood], [clean|polish|rename|sort] the {x}.",
        "At some point we might [replace|repaint|redesign|improve] the {x}.",
        "There is no need to [act|hurry|answer] now, but [note|know] that the "
        "{x} is [old|dusty|a bit dated].",
        "Feel free to ignore this, the {x} is [fine|okay|working].",
        "[No hurry|No rush|Take your time|It can wait][.|!|, really.]",
        "[Some day|One day|Next year|Later] we [could|might|may] [paint|replace|rename] the {x}.",
        "The {x} can wait[| until next month| for weeks| as long as you like].",
        "[Take your time with|There is plenty of time for|No deadline for] the {x}[| update| request].",
        "The {x} [looks a bit dull|is a little dusty|has an old picture], [but it can "
        "wait|not a problem|only if you like].",
    ),
}
TICKET = {
    "billing": Phrases(
        "I was [charged|billed] [twice|too much|again|by mistake][| for {n} dollars].",
        "My [invoice|bill|statement] [shows|has|lists] the wrong [amount|total|sum|price].",
        "When [will I get|do I receive|can I expect] my [refund|money back]?",
        "The [card payment|payment|bank transfer] of {n} dollars [failed|was declined|went wrong].",
        "Please send me [a receipt|an invoice|a bill] for [{d}|the last order|my payment].",
        "Why did the [price|cost|fee] of my [plan|subscription|contract] [change|go up|rise]?",
        "There is a [fee|charge|cost] of {n} dollars I do not [know|understand|recognise].",
        "[Can|May|How can] I pay [by card|by invoice|in two parts|by bank transfer]?",
        "[The discount|My coupon|My voucher] was not [applied|taken off the bill|counted].",
        "I [want|need] [my money back|a refund][| of {n} dollars].",
        "You [took|charged] {n} dollars [too much|from my card].",
        "My [subscription|plan] [was renewed and charged|cost too much this month].",
    ),
    "technical": Phrases(
        "The [app|program|game|software] [crashes|freezes|closes] when I [open it|start it|save].",
        "I [get|see] [error|error code|message] {n} on the [start page|screen|first page].",
        "The screen [stays|goes|turns] [black|white|blue] after the [update|start|restart].",
        "The [video|page|picture|sound] does not [load|play|work|open].",
        "The [program|computer|device] [freezes|hangs|restarts] every {d}.",
        "The [search|start|save|print] button does [nothing|not work|not react].",
        "My [device|phone|printer|tablet] does not [connect|start|react|turn on].",
        "The [installation|update|download] [fails|stops] [at {n} percent|with an error|halfway].",
        "[There is a bug in|Something is broken in|I found a bug in] the [app|latest version|search page].",
        "The [keyboard|camera|microphone] [stopped working|is not found] after the [update|installation].",
        "[Wifi|Bluetooth|The network] [keeps|always] [dropping|fails] on my [laptop|phone].",
    ),
    "shipping": Phrases(
        "My [parcel|package|order|box] has not [arrived|come|been delivered].",
        "The [package|parcel|box] came [damaged|open|wet|broken] on {d}.",
        "Where is my [delivery|parcel|package]?",
        "The [courier|driver|postman] left the [box|parcel] at the wrong [door|house|address] in {c}.",
        "[Can|Do|Could] you [ship|deliver|send parcels] to {c}?",
        "The tracking [page|number|link] shows [no progress|nothing|an old date].",
        "I [waited|have been waiting] {n} days for the [parcel|delivery|package].",
        "When will the [parcel|package|delivery] [arrive|come|reach {c}]?",
        "[The wrong item|Somebody else's parcel|An empty box] was [delivered|shipped|sent] to me.",
        "Please [deliver|ship|send] the [box|parcel] to {c} instead.",
        "The [courier|driver] [never came|did not ring|was late].",
        "How [long does delivery|much time does shipping] to {c} take?",
    ),
    "account": Phrases(
        "I [forgot|lost|cannot remember] my password.",
        "How [do|can] I change my [user name|password|profile picture|login]?",
        "Please [delete|close|remove] my [profile|account|user].",
        "I [cannot|can not|am unable to] [log in|sign in] to my [account|profile].",
        "I want to [change|update|correct] my [email address|user name|login name].",
        "My [account|profile|login] was [locked|blocked|disabled] on {d}.",
        "How [do|can] I [add|invite|remove] a [second|new] user?",
        "The [password reset|login code|confirmation link] does not [come|arrive in my mail].",
        "[Someone|A stranger] [logged into|has access to] my [account|profile].",
        "I [want|would like] to [sign up|register|open a new account].",
        "[Two-step login|My login code] [is not accepted|asks me again and again].",
    ),
}
_KIND = "[What is|Which is|Tell me|Name|Give|Determine|Find|State]"
_CHOICES = (
    "[Choices|Options|Labels|Possible answers|Choose from|Pick one|One of|Categories|Classes]"
)
ASKS = Phrases(
    f"{_KIND} the {{n}} of [this|the] {{o}}[?|.|:]\n{{t}}\n{_CHOICES}: {{c}}.[| Answer:]",
    "[Classify|Judge|Rate|Label|Determine|Decide] the {n} of [the|this] {o} as {c}.\n\n{t}",
    "[Classify|Judge|Label|Sort|Tag] [the|this] {o} as {r}[:|.]\n{t}",
    f"{{t}}\n\n{_KIND} the {{n}}[?|.] {_CHOICES}: {{c}}.",
    "{o}: {t}\n[Pick|Choose|Select|Take] the {n} from {c}.",
    "[Decide on|Choose|Pick|Judge] the {n} ({c}): {t}",
    f"[Read|Look at|See] the {{o}} and [name|give|tell me] its {{n}}. {_CHOICES}: {{c}}.\n{{t}}",
    "{t}\n[Is|Would you say] the {n} [is |]{r}?",
    f"[Label|Tag|Mark] this {{o}} with its {{n}}: {{t}}\n{_CHOICES}: {{c}}",
    "[Which|What] {n} [fits|suits|is right|applies]? {c}\n\n{o}: {t}",
    "[Tell me|Name|Give me|Say] the {n} of: {t}",
    "{t}\n\n{n}?",
    "[Which|What] {n} does this {o} have?\n{t}",
    "[Assign|Give|Choose] one of [these labels|these|the labels] [for|as] {n}: {c}\n{t}",
    "[The|A] {o}: {t}\n[What is its|Its] {n}[?|:] ({c})",
    f"{{t}}\n{_CHOICES}: {{c}}. [What is the|Which] {{n}}?",
    "{n} of [this|the following] {o} ({c})[?|:] {t}",
    "{r}? {t}",
)
PLAINS = Phrases(
    "{o}: {t}\n{n}: ",
    "{t}\nThe {n} of [this|the] {o} is ",
    f"{{o}}: {{t}}\n{_CHOICES}: {{c}}. [Answer|Label|The answer]: ",
    f"{{o}}: {{t}}\n{_CHOICES}: {{c}}\n[Answer|{{n}}|Label]: ",
    "[Classify|Label|Judge|Decide] the {n} ({c}).\n{o}: {t}\n{n}: ",
    "{o}: {t}\n[Question|Q]: [What is|Which is] the {n}?\n[Answer|A]: ",
    "{t}\n\n[The |]{n} ({c}): ",
    f"{_KIND} the {{n}}. {_CHOICES}: {{c}}.\n{{o}}: {{t}}\n[Answer|Label|{{n}}]: ",
    "{o}: {t}\n[Its|The] {n} is ",
    "{t}\n{n} = ",
    "{t}\n[Answer|Label|Class]: ",
)
SYSTEMS = Phrases(
    "You [classify|label|sort|judge|tag] [text|texts|messages|incoming messages|reviews].",
    "[Answer|Reply|Respond] with [one word|the label only|a label|a single word].",
    "You are a [classifier|text classifier|careful judge|helpful assistant].",
    "You are a helpful assistant.",
    "[Choose|Pick|Give] the [right|best|correct] label.",
    "[Only|Just] [name|write] the label.",
)
OPINIONS = Phrases(
    "The {a} [was|is|felt|seemed|looked] {x}{w}.",
    "[I|We|They|My wife] [found|thought|considered|called] the {a} {x}{w}.",
    "[In my view|In my opinion|To me|For us|I think|I must say] the {a} [was|is] {x}{w}.",
    "What a {w} {a}!",
    "{a}: {x}{w}.",
    "My [friends|family|colleagues|guests] [said|felt] the {a} was {x}{w}.",
    "The {a} turned out to be {x}{w}.",
    "[Honestly|Frankly|Really|Sadly or not|Overall|All in all], the {a} [was|is] {x}{w}.",
    "[Such|Quite] a {w} {a}.",
    "[It has|We got|They offer|This is|I had] a {x}{w} {a}.",
    "{x}{w}, [this|that] {a}.",
    "[Their|Its|Your|Our] {a} [was|is|remained] {x}{w}.",
    "A {x}{w} {a}[.|!| overall.]",
)
REPORTS = Phrases(
    "The {a} and the {b} were the [talk|news|story] of the [day|week|month].",
    "Everyone in {c} [spoke|talked|argued] about the {a} after the {b}.",
    "A new {a} is [expected|planned|ready] on {d}.",
    "The {a} was more [important|expensive|useful] than the {b}, [experts say|says {p}|people say].",
    "[People|We|They] [waited|hoped|looked] for the {a} for {n} [days|weeks|hours].",
    "The {a} in {c} [surprised|pleased|worried] [everybody|the town|many].",
    "{p} [wrote|spoke|read|asked] about the {a} and the {b}.",
    "[After|Before|With|Behind] the {a} came the {b}.",
    "There were {n} [reports|questions|stories] about the {a}.",
    "The {b} [changed|helped|followed|needs] the {a}[| for good].",
    "{p} was seen [near|with|at] the {a}.",
    "[This|Our|Every] {a} needs a [better|new|good] {b}.",
    "[Last|This|Next] {d} the {a} [made|makes] headlines in {c}.",
    "The {a} has [a problem with|nothing without|to do with] the {b}.",
    "No {a} without a {b}, [said|says] {p}.",
    "[We|They|I] [learned|heard|know] a lot about the {a}.",
    "[In|Near|From] {c}, the {a} and the {b} [matter|count|are known].",
    "[How|Why] does the {a} [change|need] the {b}?",
    "[A|The] {a}, [a|the] {b} and {p}.",
)
