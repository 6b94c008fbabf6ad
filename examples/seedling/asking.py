"""Asking: how extraction is asked for. Verbs, objects and clauses in groups,
so that the wordings number thousands."""

from draw import Phrases
from phrases_things import widened
from phrases_things_stated import KEYS, MANY, SCHEMAS

_GET = "[Extract|Return|Give me|Write|Produce|Output|Create|Get|Make|Build|Provide|Show|Print|Find|Generate|Pull out]"
_DO = "[extract|return|give me|write|produce|output|create|get|make|provide|show|find|generate|pull out]"
_JSON = (
    "[JSON|a JSON object|one JSON object|valid JSON|JSON data|plain JSON|json|an object in JSON]"
)
_FROM = "[| from the text| from this text| from the text below| from the message| from the passage| described here]"
_OBEYING = (
    "[matching|that matches|that follows|following|according to|which fits|valid under|"
    "for|conforming to|in line with]"
)
_SCHEMA = (
    "[this schema|the schema|this JSON schema|the following schema|the schema below|"
    "this format|the given schema|this JSON Schema]"
)
_NAMED = (
    "[with keys|with the keys|with the fields|with fields|using the keys|having the keys|"
    "that has|containing|with only|with exactly]"
)
_THINGS = (
    "[all records|every record|all of them|everything|each one|all items|every {t}|"
    "each {t}|all entries|every entry]"
)

BEFORE = Phrases(
    "[Hello|Dear|Good morning|Hi|Hey|Greetings] [team|all|everyone|colleagues|friends],",
    "[Here|Below] is [the update|the news|a note|the summary|what I know].",
    "Please note [the following|this|these details].",
    "[Good morning|Good evening|Hi there|Hello]!",
    "As [discussed|agreed|promised|requested|mentioned]:",
    "FYI.",
    "[Some|A bit of|More] news from [today|the office|this week|our side].",
    "I just [got|received|read|found] this [message|note|text].",
    "For your [records|files|information]:",
    "Quick [note|update|question].",
    "This [came in|arrived|was posted] [today|yesterday|last night].",
    "Subject: [update|details|information|your request].",
)
GREETINGS = Phrases(  # in training only; {n} is a name that has nothing to do with the record
    "[Dear|Hi|Hello|Hey|Good day] {n}[,|!]",
    "{n}, [here is what I know|please read this|see below|listen|you asked for this].",
    "[Thanks for asking|Good to hear from you|Nice to see you|Sorry for the delay], {n}[!|.]",
    "[Great|Fine|Super|Perfect|Sorry|Welcome|Right|Sure|Ready|Done|Finally|Look|Good|Yes][!|.|...]",
    "[Quiet|Lovely|Busy|Cold|Hot|Long|Good|Bad] [day|night|week|morning] [here|today|again][.|!]",
    "[Get|Make|Extract|Return|Find|Give|Use|Read] [it|this|that] [right|done|now|well][.|!]",
)
AFTER = Phrases(
    "[Thanks|Thank you|Cheers|Many thanks]!",
    "Please let me know if [anything is missing|you need more|that is enough].",
    "[Best|Kind|Warm] regards",
    "More [details|news|information] will follow.",
    "That is all [for now|I know|we have].",
    "Have a nice [day|week|evening|weekend].",
    "[See you soon|Talk to you later|Take care].",
    "Everyone was [happy|pleased|content] with [the result|the plan|it].",
    "The [weather|morning|evening] was [lovely|cold|rainy].",
    "Call me if you have questions.",
    "[Nothing|Not much] else [happened|is known].",
)
SYSTEMS = Phrases(
    "You [extract|collect|find|pull|copy] [records|data|facts|details|fields] [|from text|from messages].",
    "You turn [text|messages|sentences|notes] into [JSON|records|objects|structured data].",
    "[Extract|Return|Give|Write down] the [information|data|details|facts] as JSON.",
    "You are a [precise|careful|exact|reliable|helpful] assistant that [returns|writes|outputs|answers in] JSON.",
    "You read [text|messages|notes] and fill in [forms|records|schemas].",
    "[Answer|Reply|Respond] with [JSON|a JSON object|valid JSON] only.",
    "You are an information extraction [system|tool|engine|assistant].",
    "Return structured [data|records|output].",
    "You are a helpful assistant.",
    "You are an assistant.",
    "You pull structured records out of messages.",
    "Your [task|job] is [to extract data|information extraction|to fill in records].",
    "Be [exact|precise] and [copy|keep] the words of the text.",
)
ASK_SCHEMA = Phrases(
    f"{_GET} {{a}} {{t}} as {_JSON} {_OBEYING} {_SCHEMA}: {{schema}}",
    f"{_GET} {{a}} {{t}} as {_JSON}. [Schema|JSON schema|Format|The schema|Use the "
    f"schema|Follow this schema]: {{schema}}",
    f"{_GET} the {{t}} as {_JSON}{_FROM}. [Schema|JSON schema|Format|The schema|Use the schema]: {{schema}}",
    f"{_GET} the {{t}}{_FROM}. [Schema|JSON schema|Format|Required format|Structure]:\n{{schema}}",
    f"[Fill in|Complete|Fill|Fill out|Populate|Use|Follow|Obey|Respect] {_SCHEMA}: {{schema}}",
    f"[Answer|Reply|Respond] [with|as|in] {_JSON} {_OBEYING} {_SCHEMA}: {{schema}}",
    f"{_GET} the {{t}} [in|using|by] {_SCHEMA}: {{schema}}",
    f"[Turn|Convert|Parse|Transform|Change|Make] [the text|this|the message|it|the "
    f"passage] into {{a}} {{t}} [object |record |]"
    f"{_OBEYING} {_SCHEMA} {{schema}}",
    f"The [output|answer|reply|result|response] [must|should|has to] be {_JSON} and "
    f"[follow|match|obey|fit] {_SCHEMA}: {{schema}}",
    "[Parse|Convert|Turn|Read] [the text|this|the message|it] into {schema}",
    f"[Please|Can you|Could you|I want you to|You should|I need you to] {_DO} the {{t}} "
    f"as {_JSON} {_OBEYING} {_SCHEMA}: {{schema}}",
    f"[Schema|JSON schema|Format]: {{schema}}\n{_GET} the {{t}}{_FROM}.",
    f"Given {_SCHEMA} {{schema}}, {_DO} the {{t}}{_FROM}.",
    f"[What is|Which is] the {{t}}{_FROM}? [Answer|Reply] {_OBEYING} {_SCHEMA}: {{schema}}",
    "[Return|Extract|Write] {t}: {schema}",
    f"[I need|We need|I want] the {{t}} as {_JSON}. [It must match|Match|Follow|Schema:|Format:] {{schema}}",
    f"[Read|Look at|Study] the [text|message|note] and {_DO} the {{t}} {_OBEYING} {_SCHEMA}: {{schema}}",
    f"{{t}} [as|in] {_JSON}[, please|]. [Schema|Form|Format]: {{schema}}",
    f"[Get|Take|Copy] the values{_FROM} [and fill|into|for] {_SCHEMA}: {{schema}}",
    f"{_JSON} {_OBEYING} {{schema}}[, please.|.|]",
    f"[Only|Just|Simply] {_DO} {_JSON} {_OBEYING} {_SCHEMA}: {{schema}}",
    f"[My|Our|The] {{t}} [form|record|model] is {{schema}}. {_GET} it{_FROM}.",
)
ASK_SCHEMA = widened(ASK_SCHEMA, SCHEMAS)
ASK_KEYS = Phrases(
    f"{_GET} the {{t}} as {_JSON} {_NAMED} {{keys}}.",
    f"{_GET} {_JSON} {_NAMED} {{keys}}.",
    f"{_GET} {{keys}} as {_JSON}.",
    f"{_GET} {{keys}}{_FROM}.",
    f"{_GET} {{keys}}{_FROM} as {_JSON}.",
    f"[I need|I want|We need|Let me have|I would like] {{keys}} [as|in] {_JSON}.",
    "[Fill in|Complete|Fill|Keys|Fields|Wanted|Fill out|Columns]: {keys}.",
    f"{_GET} {{a}} {{t}} {_NAMED} {{keys}} as {_JSON}.",
    f"[Answer|Reply|Respond] [with|as|in] {_JSON} {_NAMED} {{keys}}.",
    f"[Please|Can you|Could you|I want you to] {_DO} the {{t}} as {_JSON} {_NAMED} {{keys}}?",
    "[The keys|The fields|Keys|Fields] [are|of the JSON are|to fill are]: {keys}. "
    "[Answer in JSON.|JSON only.|Use JSON.]",
    f"[What are|Tell me|List] {{keys}}? [Answer as|Reply in|Use] {_JSON}.",
    f"[Turn|Convert|Parse|Transform] [the text|this|the message|it] into {_JSON} {_NAMED} {{keys}}.",
    "[Keys|Fields|JSON keys|JSON with]: {keys}",
    f"The [output|answer|result] [must|should] be {_JSON} {_NAMED} {{keys}}.",
    f"[Only|Just|Simply] {_DO} {{keys}} as {_JSON}.",
    "{keys} [as JSON|in JSON|as an object|as a JSON object][, please|][.|?|:]",
    f"[My|Our] [form|record|table] has {{keys}}. {_GET} it as {_JSON}.",
    f"[Read|Look at|Study|Take] the [text|message|note] and {_DO} {{keys}}[| as JSON].",
    f"For the {{t}}, {_DO} {{keys}}{_FROM} [as|in] {_JSON}.",
    "[Build|Make|Form|Write] {a} {t} [object|record] out of {keys}[| in JSON].",
    "[Which|What] {keys} [does the text give|are given|do you find|are there]? [JSON|In JSON|As JSON].",
    f"{_JSON} {_NAMED} {{keys}}[, please|][.|:]",
    "{t} [as JSON|in JSON|record]: {keys}",
    f"[Copy|Collect|Take|Note|Pick] {{keys}}{_FROM} [into|as] {_JSON}.",
)
ASK_KEYS = widened(ASK_KEYS, KEYS)
ASK_NONE = Phrases(
    f"{_GET} the {{t}}{_FROM}.",
    f"{_GET} the {{t}} as {_JSON}{_FROM}.",
    f"{_GET} the [record|data|information|details|facts]{_FROM}.",
    f"[Turn|Convert|Parse|Transform] [this|the text|it|the message] [into|to] {_JSON}.",
    "[What|Which] {t} is [described|mentioned|meant]? [Answer|Reply] in JSON.",
    "[Convert|Parse] to a JSON {t}.",
    "[Who or what|What] is this about? [Answer in|Reply in] JSON.",
    f"[Please|Can you|Could you] {_DO} the {{t}}{_FROM}.",
    "{t}:",
)
ASK_MANY = Phrases(
    f"{_GET} {_THINGS} as {_JSON} {_OBEYING} {_SCHEMA}: {{schema}}",
    f"{_GET} {_THINGS}{_FROM}. [Schema|JSON schema|Format|The schema]: {{schema}}",
    f"List {_THINGS} [that is mentioned|in the text|you find]. [Schema|Format|JSON schema]: {{schema}}",
    f"{_GET} {_THINGS} as {_JSON}: {{schema}}",
    f"[Find|Collect|Gather] {_THINGS} and [follow|use|obey|match] {_SCHEMA}: {{schema}}",
    f"[Turn|Convert|Parse|Transform] [this|the text|it] into [a list|JSON|records] {_OBEYING} {_SCHEMA}: {{schema}}",
    f"[Answer|Reply|Respond] [with|as|in] {_JSON} {_OBEYING} {_SCHEMA}: {{schema}}",
    f"[Please|Can you|Could you] {_DO} {_THINGS} as {_JSON} {_OBEYING} {_SCHEMA}: {{schema}}",
    f"[Fill in|Complete|Use|Follow|Obey] {_SCHEMA}: {{schema}}",
    "[Extract|Return|Write|List] {t}s: {schema}",
    f"[Read|Look at|Study] the [text|message] and {_DO} {_THINGS} {_OBEYING} {_SCHEMA}: {{schema}}",
    f"[Schema|JSON schema|Format]: {{schema}}\n{_GET} {_THINGS}{_FROM}.",
    f"Given {_SCHEMA} {{schema}}, {_DO} {_THINGS}{_FROM}.",
    f"The [output|answer|result] [must|should] hold {_THINGS} and [follow|match|fit] {_SCHEMA}: {{schema}}",
    f"[I need|We need|I want] {_THINGS} as {_JSON}. [Schema|Format|Follow]: {{schema}}",
    "[Use|Take] {schema} [for|as the form of] {t}s in the [text|message].",
    f"[How many|Which] {{t}}s are there? {_GET} {_THINGS} {_OBEYING} {_SCHEMA} {{schema}}",
)
ASK_MANY = widened(ASK_MANY, MANY)
