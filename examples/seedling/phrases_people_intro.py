"""How a passage brings in its people, in training only: one person, several, or somebody who speaks.

`{s}` is the name or the names, as `a, b and c`.
"""

from draw import Phrases

INTRODUCED = Phrases(  # a sentence before the first fact about one person
    "[Meet|Say hello to|Welcome|Let me introduce|May I introduce|I present] {s}[.|!]",
    "[Here is|Here comes|This is|That is|There goes] {s}[.|, our guest.|, as promised.]",
    "[Let me tell you|I want to write|A few words|Some notes|A short portrait|A quick word] about {s}[.|:]",
    "[Yesterday|Last week|On the train|At a party|In the lift|At lunch] [I met|we met|I spoke to] {s}.",
    "[The person in question|The subject|The applicant|The guest|The caller|The man or woman of the hour] is {s}.",
    "[Name on file|Who|Regarding|Concerning|Re|Subject|Profile]: {s}.",
    "[Do you know|Have you met|Have you heard of|Remember] {s}?",
    "{s} [joined us|walked in|called|wrote in|applied|showed up] [today|this morning|on Monday|last night].",
    "{s} [is the name|was the name on the badge|is whom we mean|stands at the top of the list].",
    "[Everybody talks about|The letter concerns|The file is on|This page describes|The story begins with] {s}.",
    "[My neighbour|A colleague|An old friend|A cousin of mine|My flatmate] is called {s}.",
    "[It was|It is] {s} who [rang|came|signed the form|won the prize|asked].",
    "[First up|Next in line|On the list|New here|Number one]: {s}.",
    "[You asked about|You wanted to know about|About] {s}[.|:]",
    "{s}[:| -|...]",
)
GATHERED = Phrases(  # a sentence before facts about several records
    "[There are|We have|The list has|Here are] [several|a few|some] [names|entries]: {s}.",
    "[Meet|Let me introduce|Here come|Say hello to] {s}.",
    "[On the list|In the file|At the table|In the group|Among them]: {s}.",
    "{s} [are all in the file|were mentioned|are who we mean|stand on the list].",
    "[This is about|The note is about|A few words on|Notes on|Regarding|Concerning] {s}.",
    "[We spoke to|I met|I wrote to|You asked about|They sent us|I remember] {s}.",
    "[Names|Who|People|Present|Taking part]: {s}.",
    "[The following came|These came|Those who came|The ones I know]: {s}.",
    "[First|To begin with], the names: {s}.",
)
SPEAKING = Phrases(  # an opener in the first person
    "[It's me|Me again|It is me], {s}.",
    "[As you see|As the badge says|As my badge says|In case you forgot], my name is {s}.",
    "[I answer to|I was named|I was christened|My parents called me|On paper I am|I sign as] {s}.",
    "[You are talking to|You are speaking with|You have reached|Here speaks|Writing to you is] {s}.",
    "[Allow me|A short introduction|About me|Who am I?|Profile]: {s}.",
    "[My passport says|My badge reads|The label on my desk says] {s}.",
    "[Yours truly|The undersigned|The person writing this], {s}.",
    "[Pleased|Glad|Nice|Delighted] to meet you, I am {s}.",
    "[For those who do not know me|In case we have not met|Since we never met]: [I am|I'm] {s}.",
    "{s} [is my name|is what I am called|it is|at your service|is who I am].",
    "[Some|Most|All] [people|friends] know me as {s}.",
    "Let me [begin|start] with my name: {s}.",
)
