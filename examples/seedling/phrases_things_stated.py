"""Stated: further ways of stating a named attribute, and of asking for JSON; in training only.

    STATED      # verb phrases with KEY and {v}: one on each line
    SCHEMAS     # requests with {schema}, {t} and {a}; KEYS has {keys}, MANY asks for several records

Plain blocks of text, one entry on each line; phrases_things.py makes `Phrases` of them.
"""

STATED = """
[registers|records|logs|measures|produces|yields|delivers] [a|the] KEY of {v}
[registers|records|logs|notes|prints|announces|declares] {v} [as|for|under] [the|its] KEY
[answers to|responds to|operates under|travels under|appears under|can be found by] the KEY {v}
[requires|expects|demands|wants|assumes|accepts] [a|the] KEY of {v}
[requires|expects|demands|prefers|accepts] {v} [as|for] [the|its] KEY
[was|is|has been] [assigned|given|granted|allotted|awarded|handed] {v} [as a|as the|for a|as its] \
KEY
[was|is|has been] [assigned|given|granted|allotted|awarded] [a|the] KEY of {v}
[was|is|has been] [labelled|stamped|tagged|marked|printed|engraved] with the KEY {v}
[was|is|has been] [configured|prepared|set up|fitted|equipped|supplied] with {v} [as the|for the|\
as] KEY
[was|is|has been] [entered|recorded|noted|written down|saved|put down] with {v} [under|for|as|in \
the field] KEY
[reads|says|spells|puts|writes] {v} [next to|beside|behind|after|under] [KEY|the KEY|the word KEY]
[reads|says|spells|puts|writes] KEY: {v}
[leads|begins|opens|starts out] with the KEY, [which is|namely|that is|i.e.] {v}
has its KEY [fixed at|given as|down as|stated as|noted as|registered as|put at] {v}
has {v} [filled in|written|entered|typed|noted|standing] [for|as|at|under|beside] [KEY|the KEY]
has [as KEY|as its KEY|for KEY|as a KEY] {v}
has [one|a single|a known|a fixed|an official|a new|a current] KEY: {v}
has [a known|a fixed|an official|a new|a current|a preferred] KEY, [namely|that is|being] {v}
has {v}, [which is its KEY|that being its KEY|its KEY|to name the KEY]
[relies|depends|insists|settles] on {v} [as|for] [the|its] KEY
[owes its name to|is proud of|boasts|enjoys|offers|features|sports|possesses] a KEY of {v}
[features|sports|possesses|exhibits|presents|includes|contains] the KEY {v}
[reached|attained|hit|achieved|arrived at|ended with|closed with] a KEY of {v}
[chose|picked|selected|adopted|took|settled for] {v} [as the|for the|as its] KEY
[changed|switched|moved|adjusted|reset|corrected] [its|the] KEY to {v}
[got|received|obtained|acquired|inherited] {v} [by way of|as a|in place of an old|for a] KEY
[got|received|obtained|acquired|inherited] [a|the] KEY of {v}
[treats|regards|understands|interprets|uses] {v} as the KEY
[sends|transmits|submits|passes|returns|hands over] {v} [when asked about|for|in the slot] KEY
[is|stays|remains|was left] at {v} [as far as KEY goes|as regards KEY|in terms of KEY|where KEY \
is concerned]
[is|was] [rated|graded|classed|listed|valued|put] at {v} [for KEY|as to KEY|in KEY|concerning KEY]
is [described|identified|recognised|characterised|distinguished] by [its KEY|the KEY|a KEY], {v}
is [described|identified|recognised|characterised|distinguished] by {v} [as the KEY|as its KEY|\
for a KEY]
is [tied|linked|bound|connected|matched|assigned] to [the|a] KEY {v}
is, [by|in|as to|on the point of] KEY, {v}
goes [by|under|into the books with] [the KEY|KEY|a KEY of] {v}
goes [by|under|with] {v} as [the|its|a] KEY
[needs|uses|runs on|calls for|takes] {v} [where the KEY is asked for|in the box marked KEY|in the \
KEY box]
[mentions|quotes|cites|indicates|specifies|displays] {v} [next to|in the line|in the column|under \
the heading|at] KEY
[mentions|quotes|cites|indicates|specifies|provides] [a|the] KEY [of|as|equal to] {v}
KEY: {v}
KEY = {v}
KEY {v}
(KEY: {v})
(KEY {v})
with KEY {v}
with [a|the] KEY of {v}
with {v} [as|for|as the|as its] KEY
[showing|having|bearing|carrying|using|stating] [KEY|the KEY|a KEY of] {v}
[no longer has its old KEY but|dropped the former KEY and now has|replaced the old KEY by] {v}
[lacks nothing: the KEY is|is complete now: the KEY is|is clear about one thing: the KEY is] {v}
[could have any KEY but has|might have had another KEY but got] {v}
[states|claims|confirms|admits|reveals|proves] that the KEY is {v}
[states|claims|confirms|admits|reveals|says] that {v} is the KEY
[lets us know|tells us|made known|makes clear|informs us] that [the|its] KEY [is|was|equals] {v}
[keeps|holds|leaves|maintains|sets|fixes] [the|its] KEY [at|on|to] {v}
[thinks of|speaks of|knows of|asks for|stands by] {v} as the KEY
[pairs|combines|connects|joins] [well |]with a KEY of {v}
[whose|where the|for which the] KEY is {v}
[came|comes|arrives|left the works|was delivered] with {v} [as|for] KEY
[turned out|proved|seems|appears] to have [a|the] KEY [of|equal to|] {v}
[is supposed|is meant|is said|is believed|ought] to have {v} as [the|its] KEY
[is supposed|is meant|is said|is believed|ought] to have [a|the] KEY of {v}
"""

SCHEMAS = """
[Deliver|Supply|Compose|Compile|Assemble|Draft|Prepare|Render] [the|a|one] {t} [object|entry|\
structure|instance], [shaped like|modelled on|constrained by|typed as]: {schema}
[Deliver|Supply|Compose|Emit|Prepare|Render] [JSON|a JSON document|raw JSON|a JSON value] [valid \
against|accepted by|governed by|bound by|permitted by] {schema}
[Map|Fit|Press|Put|Squeeze|Sort] [what is said|what you read|the facts|the contents|the details|\
the note] [onto|into|to] {schema}
[Express|Represent|Encode|Write up|Restate|Record] [the facts|the note|what is said|this \
paragraph|the content] [as|under|by means of|with] {schema}
Here [is|comes] [a|the|our] [JSON schema|schema|type|data model|template]: {schema} [Apply it.|\
Apply it to the note.|Use it here.|Instantiate it.|Please instantiate it from the passage.]
[Schema of the|JSON Schema of the|Type of the|Layout of the] {t}: {schema} [Now fill it.|Your \
turn.|Respond with the instance.|Write the instance.]
[The expected|The desired|The only accepted|My preferred] [reply|result|format|shape] is {schema} \
[for|describing|holding] {a} {t}.
[Instantiate|Satisfy|Honour|Realise|Meet|Fulfil] {schema} [with|using|from] [the passage|what \
follows or precedes|the given words|the facts].
[Which|What] {t} [instance|object|entry] [satisfies|fits|validates against|agrees with] {schema} \
[and the text|and the passage|given the note]?
[Distil|Boil down|Reduce|Summarise|Condense|Structure] [it|the passage|the note|the message] [to|\
into] {schema}
A program [reads|parses|checks|will load] your [answer|reply|output] [with|by|against] this: \
{schema}
[Strictly|Exactly|Precisely|Simply] [respect|apply|use|follow] {schema}[, no prose|, no comments|\
, nothing else|].
[Looking for|Wanted|Required|Requested|Needed]: {a} {t}[,|;| -] [type|schema|shape|format] {schema}
[Our|The|My] [API|database|service|parser|script] [takes|accepts|understands|stores] {schema} - \
[fill|prepare|write|send] [the|one|a] {t}.
[Do|Perform|Run] [an extraction|the extraction|entity extraction|a conversion] [to|with|using] \
{schema}
[Validate against|Target|Target format|Target schema|Output type|Response format]: {schema}
[From the passage|From what you read|Out of the text|With the help of the note], [derive|assemble|\
compose|form] {schema}
"""

KEYS = """
[Deliver|Supply|Compose|Compile|Assemble|Prepare|Emit] [JSON|a JSON document|a small JSON object] \
[made of|with entries for|listing|covering|limited to]: {keys}
[Deliver|Supply|Compile|Prepare|Emit|Report] {keys}, [in JSON|as JSON|JSON formatted|wrapped in a \
JSON object].
[Attributes|Properties|Slots|Entries|Members|Labels|Headings] [to extract|wanted|required|needed|\
requested]: {keys}. [JSON.|Reply in JSON.|As JSON, please.]
[What does the passage say|What is said|What do we learn|What is known] [about|on|for] {keys}? \
[JSON, please.|Answer in JSON.|JSON only.]
[Determine|Identify|Look up|Locate|Spot|Work out] {keys} [and|then] [return|write|send|print] \
[JSON|an object|a JSON object].
[Summarise|Condense|Structure|Tabulate|Encode|Express] [it|the passage|the note|the text] [by|\
under|using|with] {keys}[| in JSON| as JSON].
[Our|The|My] [database|table|parser|sheet|API] [wants|stores|takes|expects] {keys}. [Send JSON.|\
Write the JSON.|Prepare the JSON.]
[The {t} needs|{t} needs|A {t} has|The {t} has] {keys}. [Fill them in|Give them] [as JSON|in JSON].
JSON [object|record|output|result] [please|needed|wanted|requested], [attributes|properties|slots|\
members]: {keys}
[I am after|I'm looking for|We are interested in|I only care about|We only need|I must know] \
{keys} ([JSON|as JSON|in JSON|JSON please]).
[Assign|Attach|Give] [a value|values|the right value|the right values] to {keys}[| in JSON| as \
JSON| in a JSON object].
{{{keys}}} [as JSON|in JSON|- fill this|?]
[Required|Wanted|Requested|Expected] [output|result|reply]: JSON with {keys}
[Without any comment|With no extra words|Silently|Strictly], [provide|print|emit|deliver] {keys} \
as JSON.
[Use|Take|Employ] {keys} as [the names|the properties|the labels|the attribute names] of [a|the|\
one] JSON [object|record].
[Scan|Search|Go through|Inspect|Browse|Analyse] [it|the passage|the note|the words] [for|to find|\
looking for] {keys}[| and answer in JSON|, JSON only].
"""

MANY = """
[Deliver|Supply|Compile|Emit|Prepare|Assemble] [an array|the array|a JSON array|the list|a \
complete list] of {t}s [obeying|typed as|shaped like|valid under|bound by] {schema}
[Several|Multiple|A few|Two or more] {t}s [appear|are described|occur|are told of]. [Collect|\
Capture|Record|Put down] [them all|each of them|all] [under|as|in] {schema}
[One object for each|One entry per|An element for every|A record for each] {t}[, please|]: {schema}
[Leave none out|Do not skip any|Miss none|Be complete]: [all|the] {t}s [as|under|by] {schema}
[Compile|Draw up|Tabulate|Enumerate|Catalogue|Itemise] [the|all|all the] {t}s [using|by|with|\
under] {schema}
[Map|Sort|Put|Fit] [the passage|everything said|the contents|the notes] [into|onto|to] {schema}
[Our|The|My] [database|service|parser|API] [takes|accepts|stores|expects] {schema} - [send|\
prepare|write] [all|the] {t}s.
[Target|Target schema|Response format|Output type|Result type]: {schema}[ - all {t}s|; keep the \
order|; every {t}|]
[How would|What would] the {t}s [look|read] [as|under|in] {schema}?
[Keep the order and|In order of appearance,|One after the other,|From first to last,] [write|\
record|put down|encode] the {t}s [as|under] {schema}
[Instantiate|Satisfy|Meet|Fulfil|Honour] {schema} with [the|all|all the] {t}s[| you can find| \
that occur| of the passage].
"""
