"""Paraphrases: further ways of saying a field and of asking a tool, beyond the tables.

    more_for(field.keys)      # Phrases, or None where a field has no more

The test of held-out phrasing draws from the tables of fields and tools alone. These lists have held-out entries of
their own: a second test, of phrases that nobody looked at while the training phrases were written.
Keyed by a field's first and last key. `wild` is a clause of random words around a value that tells its own kind.
"""

import words
from draw import Draw, Phrases
from phrases_people import with_people
from phrases_things import with_things

_MORE: dict[str, Phrases] = {
    "age.age_in_years": Phrases(
        "[counts|has seen|has passed|has completed] {v} [years|birthdays|summers|winters]",
        "[will soon be older than|has been alive for] {v} [years|summers]",
        "[stands|remains] at {v} years of age",
        "[admits|says|claims] to be {v}[| years old]",
        "[looks younger than|celebrated the age of|became] {v}",
        "[joined|came] at the age of {v}",
    ),
    "city.home": Phrases(
        "[dwells|stays|lodges|rents|sleeps] in [the city of |||]{v}",
        "[has|keeps|owns|bought] [an apartment|a place|a small house|rooms|a studio] [in|near|outside] {v}",
        "has [been|stayed|remained] in {v} [since school|ever since|all along|since 2010]",
        "[considers|made] {v} [home now|a new home]",
        "[relocated|emigrated|came back|went] to {v}",
        "[is a resident|is a citizen|is an inhabitant] of {v}",
        "[went to live|chose to live|wants to live on] in {v}",
        "[belongs to|represents|knows every street of|commutes from|writes from] {v}",
        "[is at home|is at present|is staying|is living|is settled] in {v}",
    ),
    "job.work": Phrases(
        "[has|holds|took|got] [a post|a position|work|employment] as a {v}",
        "[is working|is active|is registered|qualified|practises] as a {v}",
        "[spends the days|makes money|pays the rent|is paid] as a {v}",
        "[was|is] [trained to be|going to be|about to become] a {v}",
        "[calls the work that of|does the work of|learned the trade of] a {v}",
        "is [our|the|their] [new|best|only|former] {v}",
        "is a {v} [by profession|at heart|by training|these days]",
    ),
    "employer.organisation": Phrases(
        "[has|got|found|took] [a position|a role|a post|a contract|a desk] [at|with] {v}",
        "[belongs to|represents|reports to|went to|left school for] {v}",
        "[does the books|sells things|runs a team|manages projects] [for|at] {v}",
        "is [with|under contract with|on the team of|a colleague at|on the board of] {v}",
        "[sits|works] in the [offices|building|rooms] of {v}",
        "[was taken on|was recruited|was employed|is engaged] by {v}",
        "[gets a salary|draws a wage] from {v}",
    ),
    "hobbies.likes": Phrases(
        "[goes in for|is devoted to|is good at|never tires of|dreams of] {v}",
        "[has|shows] [a weakness|a love|an interest|a liking] for {v}",
        "[counts|names|gives] {v} among [the hobbies|the pleasures of life|many interests]",
        "has [fun with|a good time with|an interest in] {v}",
        "[devotes|gives] [evenings|Sundays|every free hour] to {v}",
    ),
    "hobby.pastime": Phrases(
        "[goes in for|cares about|is hooked on|is taken with|picked up] {v}",
        "[has|shows] [a love|a liking|an interest] for {v}",
        "[spends|passes] [the holidays|the evenings|spare hours] with {v}",
        "[turns|turned] to {v} after work",
        "likes nothing better than {v}",
    ),
    "languages.speaks": Phrases(
        "[chats|converses|argues|dreams|answers|works] in {v}",
        "has [a grasp|a working knowledge|a mastery|a fair knowledge] of {v}",
        "[has|brings] [lessons in|a certificate in|a degree in|perfect] {v}",
        "[grew up with|was taught|took lessons in|is learning|is at ease in] {v}",
        "[gets by|feels safe|manages] in {v}",
        "[masters|uses|follows|teaches] {v}",
        "[may be addressed|can be written to] in {v}",
    ),
    "skills.strengths": Phrases(
        "[brings|shows|offers|gained|built up] [experience|practice|knowledge|training|routine] in {v}",
        "has [a gift|a flair|an eye|a certificate|a good hand] for {v}",
        "has [a background|a degree|deep knowledge|years|some experience|a record] in {v}",
        "[can do|can teach|can handle|knows|took courses in|does well in] {v}",
        "[is known|is valued|was praised|was hired] for {v}",
        "is [strong|at home|well versed|competent|a specialist|gifted] in {v}",
        "[counts|lists|names] {v} [among the strengths|as skills]",
    ),
    "nationality.citizenship": Phrases(
        "[carries|travels on|shows|was given] a {v} passport",
        "[became|has become|was made] a {v} citizen",
        "[is|was] [officially|legally] {v}",
        "has [{v} papers|a {v} identity card|{v} roots and papers]",
        "[counts|registered] as {v}",
    ),
    "country.home_country": Phrases(
        "[spent|passed] [the early years|the first years|a happy youth|the school years] in {v}",
        "[was brought up|went to school|started life|has family] in {v}",
        "[left|misses|fled] {v} [as a child|long ago|at a young age]",
        "[is a native|is a child] of {v}",
        "[came|moved] here from {v}",
    ),
    "children.kids": Phrases(
        "has [a family with|little ones named|two or more children, namely|offspring:] {v}",
        "is [the mother or father|the guardian|a proud parent] of {v}",
        "[brought up|cares for|takes care of|sends to school|has to feed] {v}",
        "[calls the children|named the kids|has the little ones] {v}",
    ),
    "number_of_children.children_count": Phrases(
        "[cares for|feeds|takes care of|is responsible for|brought up|raised] {v} [children|kids|youngsters]",
        "has a family with {v} [children|kids]",
        "is [mother or father|the proud parent] of {v} [children|kids]",
        "[sends|drives] {v} [children|kids] to school",
        "has {v} [little ones|young ones|children at home]",
    ),
    "birth_date.born": Phrases(
        "[has a birthday|was delivered|first saw the light|arrived] on {v}",
        "[states|lists|names|wrote down|entered] {v} as [the day|the date] of birth",
        "[dates|goes] back to {v}",
        "[keeps|celebrates] {v} as a birthday",
    ),
    "salary.annual_salary": Phrases(
        "[has|gets|draws|was promised] [an income|a pay|a wage|a salary|earnings] of {v}[| a year| before tax]",
        "[is on|lives on|pays tax on|comes to] {v} [a year|yearly]",
        "[collects|pockets|is given] {v} [each year|every year]",
    ),
    "experience_years.experience": Phrases(
        "has [been active|been at it|served|practised|been employed] for {v} years",
        "[shows|claims|lists|has built up|has behind] {v} years of [practice|work|service|experience]",
        "[joined the trade|started to work|took up the trade] {v} years ago",
        "[knows the work after|has the routine of] {v} years",
    ),
    "pet.pet_name": Phrases(
        "has a [rabbit|horse|turtle|goat|puppy|kitten|goldfish] [named|called] {v}",
        "[walks|brushes|owns|spoils|trains] [a|the] [dog|cat|pony|parrot] {v}",
        "[goes out|plays|sleeps] with the [dog|cat] {v}",
        "[calls|named] [the dog|the cat|a pet] {v}",
    ),
    "address.home_address": Phrases(
        "[dwells|stays|is found|gets letters|has a home] at {v}",
        "[has|left|wrote] {v} as [home address|the address|postal address]",
        "[opens the door|waits for the post] at {v}",
    ),
    "email.mail": Phrases(
        "[gave|sent|noted|has|uses] {v} [for|as] [mail|messages|email|contact]",
        "[reads|checks|answers] [the inbox|mail|messages] at {v}",
        "[wants|expects|gets] [mail|messages|letters|emails] [at|under|via] {v}",
        "[may be|should be|is to be] [written to|mailed|contacted] [at|under] {v}",
        "[owns|set up|opened] the [address|account|mailbox] {v}",
    ),
    "phone.mobile": Phrases(
        "[answers|takes calls|waits for a call|responds] [on|at|under] {v}",
        "[has|gave|left|noted] the [phone|mobile|telephone] [number |]{v}",
        "[may be|is to be|is] [called|contacted|reached|telephoned] [at|under|on] {v}",
        "[asks for|wants|expects] [calls|a call|a ring] [at|under] {v}",
        "[uses|owns] the line {v}",
    ),
    "website.url": Phrases(
        "[keeps|owns|maintains|writes|has] [a blog|the page|a site|the homepage] [at|under|called] {v}",
        "[can be seen|publishes|presents work|sells] [at|on] {v}",
        "[sends people|refers] to {v}",
    ),
    "address.postal_address": Phrases(
        "[has|keeps|rents] [rooms|a shop|a desk|a mailbox] at {v}",
        "[can be visited|gets post|is found|receives parcels] at {v}",
        "[lists|gave] {v} as [the address|an address]",
    ),
    "department.team": Phrases(
        "[belongs to|sits in|joined|leads|helps|moved to|reports to|comes from] {v}",
        "[works|is active|is employed|has a desk] in {v}",
        "is [a member of|one of the people in|the contact in|at] {v}",
        "[answers|speaks] for {v}",
    ),
    "position.role": Phrases(
        "[has|holds|got] [the position|the role|the job|a post] of a {v}",
        "[serves|acts|is on duty|was hired|is active] as a {v}",
        "is [our|the|their] [new|chief|only] {v}",
    ),
    "total.cost": Phrases(
        "[comes out|amounts|runs|was reduced|climbs|sums up] to [${v}|{v} dollars|{v} euros]",
        "[has|shows|carries|bears] [a price|a total|a cost|a sum|a value] of [${v}|{v} dollars|{v} euros]",
        "[was priced|is offered|sells|stands|goes] at [${v}|{v} dollars]",
        "[makes|means|demands|took] [${v}|{v} dollars] [in all|altogether|in total]",
        "[is sold|can be had|is yours] for [${v}|{v} dollars]",
    ),
    "quantity.number_of_items": Phrases(
        "[is|was] [entered|placed|written] for {v} [pieces|units|items]",
        "[amounts to|comes to|means|comprises|brings] {v} [pieces|units|items]",
        "has [a quantity of|a count of] {v}",
    ),
    "customer.ordered_by": Phrases(
        "[goes back|belongs|is billed|is charged] to {v}",
        "[was|is] [requested|signed|entered|made|sent in|booked|paid for] by {v}",
        "[names|shows|mentions|carries the name of] {v}[| as the customer| as the buyer]",
        "is [a purchase of|an order from|in the name of|registered to|for the client|filed under] {v}",
    ),
    "item.article": Phrases(
        "[consists of|concerns|is all about|comprises|mentions|needs|wants|is placed for] a {v}",
        "[comes with|calls for|was written for|speaks of] a {v}",
    ),
    "items.articles": Phrases(
        "[comprises|concerns|comes with|calls for|mentions|carries|wants] {v}",
        "is [for|filled with|packed with|composed of] {v}",
    ),
    "items.positions": Phrases(
        "[comprises|concerns|comes with|calls for|mentions|carries] {v}",
        "is [filled with|packed with|composed of] {v}",
    ),
    "items.products": Phrases(
        "[asked for|decided on|wishes for|put into the basket|paid for|came for|ended up with] {v}",
        "[is getting|has chosen|would love|went home with|is waiting for] {v}",
    ),
    "status.order_status": Phrases(
        "[shows up|counts|appears|is listed|is kept|was flagged|was recorded] as {v}",
        "[became|got|stays|remains|has been] {v}",
        "has [reached|the state|the status|moved to] {v}",
    ),
    "destination.delivery_city": Phrases(
        "[travels|rolls|leaves|departs|was routed|is bound|goes out|is posted] [to|for] {v}",
        "is [meant|destined|on the way|intended|labelled] [to|for] {v}",
        "[has to reach|must get to|will arrive in|ends up in|is awaited in] {v}",
        "[names|shows|has] {v} as [the place of delivery|the city]",
    ),
    "city.delivery_city": Phrases(
        "[wants|needs|expects|awaits] [it|the parcel|everything|delivery] in {v}",
        "[lets|asked to let] it [go|travel|be carried] to {v}",
        "[gave|named] {v} as the [place of delivery|delivery city|destination]",
    ),
    "shipping_address.delivery_address": Phrases(
        "[goes|travels|is sent|is bound|must get|is carried] to {v}",
        "[has|names|shows] {v} as the [delivery address|shipping address]",
        "[will be dropped|arrives|is awaited] at {v}",
    ),
    "order_id.reference": Phrases(
        "[mentions|names|wrote down|refers to|reads out] [the code|order|number|reference] {v}",
        "[is waiting for|is calling about|called about|wrote about] [order|purchase] {v}",
        "[has|holds|keeps] [the receipt|the order|reference] {v}",
    ),
    "date.when": Phrases(
        "[begins|runs|follows|is on the calendar|was announced|is expected] [on|for] {v}",
        "[has|got|was given|keeps] the [date|day] {v}",
        "[should happen|can be visited|goes on stage|is organised] on {v}",
        "[is put off|was postponed|was brought forward] to {v}",
    ),
    "time.starts_at": Phrases(
        "[gets under way|commences|is to begin|goes on|launches|sets in] at {v}",
        "[invites everyone for|welcomes guests from|is timed for] {v}",
        "has [its beginning|its start] at {v}",
    ),
    "city.location": Phrases(
        "[happens|goes on|is organised|is hosted|is planned|is set up|stays] in {v}",
        "[travels|returns|brings guests|invites people] to {v}",
        "has [its home|its place|a date] in {v}",
    ),
    "venue.location": Phrases(
        "[happens|goes on|opens|is planned|meets|can be visited] at {v}",
        "[has|rents|fills|books] [the rooms of |]{v}",
        "[invites|leads] [people|guests] to {v}",
    ),
    "organizer.organized_by": Phrases(
        "[was|is] [set up|put together|launched|hosted|led|staged|financed] by {v}",
        "[goes back to|was the idea of|is in the hands of|is the work of] {v}",
        "[names|thanks] {v} as [organiser|host]",
    ),
    "speaker.guest": Phrases(
        "[presents|hears|invites|welcomes|brings in] {v} as [a guest|the speaker|a speaker]",
        "[begins|ends|closes] with [a lecture|a speech|some words] [by|of|from] {v}",
        "has {v} [on stage|as a speaker|at the microphone]",
    ),
    "attendee_count.expected_guests": Phrases(
        "[draws|awaits|plans for|counts on|hopes for|seats|invites] {v} [people|guests|visitors|listeners]",
        "has [space|seats|chairs] for {v} [people|guests|visitors]",
    ),
    "brand.maker": Phrases(
        "[was|is] [built|designed|produced|manufactured|developed|brought out] by {v}",
        "[carries|bears] the [label|name|brand] {v}",
        "is [an article|an invention|a design|a model] of {v}",
    ),
    "seller.supplier": Phrases(
        "[was|is] [offered|provided|brought|dispatched|sent out] by {v}",
        "[leaves|left] the [store|warehouse] of {v}",
    ),
    "discount.discount_percent": Phrases(
        "has [a reduction|a rebate|a saving|a price cut] of {v} [percent|%]",
        "[was made|became|got] {v} percent cheaper",
        "[saves|takes off|gives back] {v}%",
    ),
}


_MORE = with_people(_MORE)
_MORE = with_things(_MORE)


def more_for(keys: tuple[str, ...]) -> Phrases | None:
    """The further phrases of the field with these keys."""
    return _MORE.get(f"{keys[0]}.{keys[-1]}")


SUMS = {
    "add": Phrases(
        "[How much do|What do] {a} and {b} [make|give][| together]?",
        "[Starting with|From] {a}, [go up|rise|climb] by {b}. [Where do I end?|What comes out?|Result?]",
        "{a} [increased by|and another|and also] {b} [is|makes|gives] [what|how much]?",
        "Someone [has|owns] {a} and [earns|wins|finds] {b}. What is that [now|together]?",
    ),
    "subtract": Phrases(
        "[How much is left|What remains|What stays] of {a} [after|without] {b}?",
        "[Starting with|From] {a}, [go down|fall|drop] by {b}. [Where do I end?|What comes out?|Result?]",
        "[By how much|How far] [is|does] {b} [fall short of|stay below|smaller than] {a}?",
        "{a} [reduced by|less|without] {b} [is|makes|gives] [what|how much]?",
        "[Someone|A shop] had {a} and [gave away|lost|sold|used] {b}. What [remains|is left]?",
    ),
    "multiply": Phrases(
        "[How much|What] is {b} taken {a} times?",
        "[For|With] {a} [~people|days|weeks|trips] at {b} each, what is the [sum|total|bill]?",
        "{a} [rows|stacks|piles] with {b} in [each|every one] [make|give] how many?",
        "[Repeat|Take] {b} {a} times[.|, what is it?]",
    ),
    "divide": Phrases(
        "[How often|How many times] [does|can] {b} [fit|be contained] [into|in] {a}?",
        "[How many|What number of] [portions|lots|groups] of {b} [are in|make up|fill] {a}?",
        "{a} [spread|shared|handed out] over {b} [is|makes|gives] [what|how much] [each|apiece]?",
        "[With|Having] {a} for {b} [heads|places|days], what does [each|every one] get?",
        "[The quotient of|The ratio of|What is the quotient of] {a} and {b}?",
    ),
}
CONVERSIONS = Phrases(
    "[What does|How much does] {v} {f} [come to|make|give] in {t}?",
    "[How many|What number of] {t} [go into|do I get for|correspond to|would be|equal] {v} {f}?",
    "[I have|There are|It says|We measured] {v} {f}. [How many {t} is that?|In {t}, please.|Give me {t}.]",
    "{f} to {t}: [{v}|how much is {v}?]",
    "In {t}, [how much is|what is|what are] {v} {f}?",
    "{v} {f} [-> {t}|= ? {t}|to {t}?|makes what in {t}?|as {t}]",
    "[Make|Get|Find] {t} out of {v} {f}.",
    "[The value|A length|My number] is {v} in {f}; I [need|want] {t}.",
    "[Switch|Go|Move] from {f} to {t} with {v}.",
)
UNITS = words.split_words(
    """
    acres hectares knots stones bytes bits kilobytes megabytes pints quarts cups spoons tons
    seconds days weeks months years kelvin joules calories watts volts bars francs pounds yen
    crowns pesos rupees furlongs fathoms degrees radians dozens lots millimeters milliliters
    """
)


def fresh_for(keys: tuple[str, ...]) -> Phrases | None:
    """The further phrases where some of them are held out from training, for a second test."""
    more = more_for(keys)
    return more if more and not set(more.held) & set(more.train) else None


# Values of these lists tell by themselves what they are.
TELLING = frozenset(
    (*words.LANGUAGES, *words.SKILLS, *words.JOBS, *words.HOBBIES, *words.NATIONALITIES)
) - (set(words.LANGUAGES) & set(words.NATIONALITIES))

_WILD_NOUNS = (
    *words.ATTRIBUTES,
    *words.split_words(
        "experience command background interest training name history office education practice "
        "talent passion contact knowledge degree relation time work life start habit reason part"
    ),
)
_WILD_JOINTS = ("with", "in", "of", "for", "at", "on", "to", "from", "by", "about")
_WILD_VERBS = ("has", "has", "is", "gets", "shows", "brings", "keeps", "finds", "takes", "gave")


def wild(draw: Draw) -> str:
    """A clause whose words say little: `shows a strange degree for {v}`."""
    noun, joint = draw.one(_WILD_NOUNS), draw.one(_WILD_JOINTS)
    verb, dice = draw.one(_WILD_VERBS), draw.rng.random()
    if dice < 0.2:
        return f"{draw.one(words.VERBS)}s {{v}}"
    if dice < 0.3:
        return f"{draw.letters(3, 8)}s {joint} {{v}}"
    middle = draw.one(("good", "strange", "long", "special", "new", "certain", draw.letters(3, 7)))
    return f"{verb} {draw.one(('', 'a ', 'the ', f'a {middle} '))}{noun} {joint} {{v}}"


def is_telling(value: object) -> bool:
    """Whether every part of a value is in a list that says what it is."""
    parts = value if isinstance(value, list) else [value]
    return all(isinstance(part, str) and part in TELLING for part in parts)
