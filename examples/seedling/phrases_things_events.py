"""Events: further clauses of when, where and with whom something happens; one entry on each line.

Keyed like the table in paraphrases.py, by a field's first and last key. The subject stands before the clause.
"""

EVENTS = {
    "date.when": """
[is|was|has been] [timed|slated|pencilled in|marked down|earmarked|announced|confirmed|reserved] \
for {v}
[occurs|unfolds|proceeds|goes forward|gets going|kicks off|goes live] on {v}
[will|shall|should|is to|is going to] [happen|occur|come off|come about|be celebrated|be staged|\
be given] on {v}
[falls|lands|lies|sits] [on the date|on|upon] {v}
[carries|bears|shows|holds|received|wears] the date [of |]{v}
has [{v} as the day|{v} as the date|{v} in the calendar|{v} on the poster|{v} on the invitation|a \
date, {v}|its day on {v}]
[brings|gathers|draws] [people|everyone|a crowd|guests|friends] [together |]on {v}
[awaits|expects|welcomes|invites|calls] [you|everyone|us|guests|visitors] on {v}
[was|got|has been] [shifted|delayed|pushed|rescheduled|adjourned|advanced|transferred] to {v}
[date|day|event date|when|on the calendar]: {v}
[planned|scheduled|set|fixed|arranged|booked|foreseen] for {v}
([on|date|date:] {v})
[to be held|taking place|happening|celebrated|staged|given] on {v}
[belongs|goes] in [the diary|your calendar|the calendar|every planner] [for|on] {v}
[fills|occupies|takes up|blocks] [the day of |the date |our |]{v}
is [not today but on|not this week but on|no earlier than|to be expected on|to be seen on|only on|\
announced as being on] {v}
[names|states|gives|mentions|prints] {v} as [the date|the day|the event date]
[makes|turns] {v} [a special day|a day to remember|a busy day|into a celebration]
[appears|stands|shows up] [in the programme|in the diary|on the list|in the calendar] [for|under|\
on] {v}
[can be attended|can be seen|can be visited|may be joined] on {v}
[waits for us|is ahead of us|comes up|comes round|comes along] on {v}
[agreed on|settled on|chose|got|landed on] {v} [as the date|for a date|as its day]
""",
    "time.starts_at": """
[commences|launches|takes off|gets rolling|lifts off|fires up|springs to life] at {v}
[opens up|raises the curtain|lets people in|swings its doors open|welcomes the first guest] at {v}
[is|was|has been] [timed|called|fixed|billed|announced|advertised] to [start|begin|open|commence] \
at {v}
[is|was] [opened|started|launched|introduced|kicked off] at {v}
[has|shows|states|gives|names] {v} as [the start|the start time|the beginning|the starting time|\
its first minute|the hour of beginning]
[start|start time|starts at|begins|beginning|time]: {v}
[starting|beginning|opening|commencing|kicking off|from] [at |]{v}
([from|starts|starts at|begins|begins at] {v})
[gets started|gets off the ground|gets moving|goes off|sets in] [at|from] {v}
[wants|needs|asks|expects] [everyone|guests|people|us|you] [there|seated|ready|in place] [at|by] \
{v}, [the start|when it starts|its beginning]
[does not begin before|will begin no sooner than|cannot start until|never starts before] {v}
[should|will|ought to|is to|shall] [start|begin|open|commence|kick off] [at|from|by|around] {v}
[sees|has] its [opening|first words|first notes|kick-off|beginning|launch] at {v}
[has|puts|sets] the [opening|beginning|start|kick-off] [at|for] {v}
[is a thing that begins|is expected to begin|is known to start|really starts|officially starts] \
at {v}
""",
    "end_time.ends_at": """
[concludes|terminates|winds up|comes to an end|draws to a close|shuts down|breaks up] at {v}
[is|was|has been] [timed|planned|meant|expected|scheduled|due] to [end|finish|close|stop|\
conclude] at {v}
[continues|carries on|stretches|extends|keeps going|stays open] [until|till|to|up to] {v}
[has|shows|states|gives|names] {v} as [the end|the end time|the closing time|its last minute|the \
finish]
[end|end time|ends at|ends|closing|until]: {v}
[ending|finishing|closing|stopping|until|till] [at |]{v}
([until|till|ends|ends at|to] {v})
[sends|lets] [everyone|guests|people|us] [home|go|leave] at {v}
[will be|should be|is] [finished|done|closed|concluded|over and out|through] [at|by] {v}
[switches the lights off|closes its doors|says goodbye|empties the room|lowers the curtain] at {v}
[does not end before|never lasts beyond|must not run past|may not go past] {v}
[has|puts|sets] [its end|its close|its finish|the last word|the end] at {v}
[leads|takes us|brings us] [to|through to] {v}, [the end|when it ends|its close]
""",
    "weekday.day_of_week": """
[comes|occurs|goes on|is held|is staged|unfolds] on a {v}
[comes|occurs|goes on|is held|is staged|is given] [every|this coming|the coming|the following] {v}
[is|was] [planned|set|scheduled|fixed|booked|meant] for [a|the next|next|this|the coming] {v}
[weekday|day of the week|day of week|on a]: {v}
[has|takes|picks|got|chose] [a|the] {v} [as its weekday|as its day|for itself|for its weekday]
[belongs|was moved|got shifted|goes] to [a|the] {v}
[makes|turns] {v} [a busy day|the best day of the week|worth waiting for|a special day]
([a|on a|every|next] {v})
[lands|falls|lies] on [the|a|next|this] {v} [of the week|of that week|again]
[is a|is another|is one more] {v} [affair|thing|event|date|matter]
[waits until|happens no sooner than|needs to wait for] {v}
[waits for|is set on|is held each|happens every] {v}
[fills|takes|blocks|brightens] [the|a|every] {v}
[gets us together|brings us together|calls us out|draws a crowd] on a {v}
- [the weekday is|the day of the week is|it is always|it has to be] {v}
[is not at the weekend but on a|was moved away to a|never misses a] {v}
[appears|stands] in the calendar [on a|under] {v}
""",
    "city.location": """
[occurs|unfolds|proceeds|goes live|opens|is celebrated|is given] in {v}
[will|shall|is to|is going to|should] [happen|take place|be held|be staged|be seen] in [the city \
of |the town of |]{v}
[finds|has|gets|took] [a stage|a place|a home|a roof|its audience] in [the city of |the town of |\
]{v}
[calls|draws|leads|takes|invites|lures] [people|us|guests|everyone|the crowd] to {v}
[fills|shakes|delights|enlivens|excites|visits|conquers] [the city of |the town of |the streets \
of |]{v}
[has|shows|states|names|gives] {v} as [the city|the town|its location|the host city|the place to go]
[city|town|location|host city|where]: {v}
[held|staged|hosted|taking place|happening|set|based] in {v}
([in|city|location|location:] {v})
[was|got|has been] [shifted|brought|awarded|given|transferred|relocated] to {v}
[stops|lands|settles|arrives|sets up its tent|makes a stop] in {v}
[is at home|is welcome|is known|can be seen|can be visited|can be found|is situated|is located] \
in {v}
[makes|turns] {v} [its home|the place to be|a meeting point|a lively city|proud]
[is not far away but in|left its old town for|avoids the capital and chose|has chosen|picked|\
settled on] {v}
means [a trip|a journey|a drive|a flight|a train ride] to {v}
[needs|uses|enjoys] [the streets|the squares|the air|the hospitality] of {v}
was [awarded|promised|granted|given] to the [city|people|town] of {v}
""",
    "venue.location": """
[occurs|unfolds|proceeds|is celebrated|is given|finds its audience|is located] [at|inside] {v}
[will|shall|is to|is going to|should] [happen|take place|be held|be staged|be seen] at {v}
[has|gets|took|secured|found] [a room|a place|its venue|a hall|space|a roof] at {v}
[occupies|reserved|rented|hired|booked|takes over|was given|got] {v}
[calls|draws|leads|takes|brings] [people|us|guests|everyone|the crowd] to {v}
[has|shows|states|names|gives] {v} as [the venue|the place|the room|its location|the meeting point]
[venue|place|room|location|meeting point|where]: {v}
[held|staged|hosted|taking place|happening|set] at {v}
([at|venue|venue:|place:] {v})
[was|got|has been] [shifted|moved|transferred|relocated|assigned] to {v}
[makes use|takes advantage|is in need] of {v}
[is at home|is welcome|can be seen|can be found|is situated|sits down|gets together] at {v}
[turns|makes] {v} [into a stage|its home|into its venue|a busy place|lively]
[waits for its guests|assembles|starts and ends|lets everyone in] at {v}
[left its old rooms for|chose|picked|settled on|opted for|decided on] {v} [as the venue|as the \
place|for its venue|as its room]
""",
    "organizer.organized_by": """
[is|was] [coordinated|managed|directed|supervised|overseen|conducted|put on|thrown] by {v}
[is|was] [brought about|initiated|started|dreamt up|thought up|conceived|made possible|sponsored] \
by {v}
[is|lies|rests|was left] [in the care|in the hands|under the direction|under the wing|under the \
lead] of {v}
[owes everything to|is an undertaking of|is an initiative of|is a project of|stands under the \
lead of] {v}
[has|shows|states|names|gives|credits] {v} as [the organizer|the host|the organiser|the person in \
charge|the one in charge]
[organizer|organiser|host|hosted by|organized by|in charge]: {v}
[organised|hosted|arranged|prepared|planned|run] by {v}
([hosted by|organised by|organizer|host|host:] {v})
[sees|finds|puts] {v} [in charge|at the helm|at the wheel|behind the scenes|in the lead]
is [something|an affair|a thing|a date] [that |which |]{v} [organises|arranged|set up|planned|\
hosts|runs]
[keeps|kept] {v} busy [as the host|as the organiser|with the planning|behind the scenes]
[depends|relies|counts] on {v} [as host|as organiser|for the planning|for the organisation]
[has its invitations|sends its invitations|gets its money] [from|signed by|through] {v}, [the \
host|the organiser|who hosts it|who runs it]
[would be nothing without its host|thanks its host|was entrusted to|was left to] {v}
""",
    "speaker.guest": """
[gives|offers|yields|hands] [the floor|the stage|the microphone|the word] to {v}
[lets|has|will have|sees] {v} [speak|talk|lecture|take the stage|address the audience|hold a speech]
[advertises|announces|boasts|books|engaged|promises|invited] {v} as [the speaker|main speaker|its \
guest|a guest|the star guest|the voice of the evening]
[features|contains|includes|offers|promises|culminates in|centres on] [a speech|a keynote|an \
address|remarks|a lecture|a talk] [by|from|of] {v}
[speaker|main speaker|guest|guest speaker|keynote]: {v}
[with|featuring|starring|presenting] {v} [as speaker|as the speaker|as a guest|on stage|at the \
lectern]
([speaker|guest|speaker:|guest:|talk by] {v})
[listens|hears|pays attention] to {v}
[is honoured|is graced|is enriched|is opened|is closed] by [the speaker|its guest|the guest|a \
talk from] {v}
[puts|places|wants] {v} [on stage|at the lectern|behind the microphone|in front of the audience]
[won|secured|found|persuaded] {v} [to speak|to give a talk|as speaker|for a speech|to say a few \
words]
- [the speaker is|the guest is|the talk is given by|the lecture is held by] {v}
[hands over|passes the word|turns] to {v}, [the speaker|its speaker|the guest]
[flew in|paid for|waited for|asked] {v} [as the speaker|to speak|as a guest]
[is about to hear|will be hearing|wants to listen to|looks forward to] {v} [speak|talk|on stage]
[makes|made] {v} [its speaker|the speaker|its guest of honour|the guest]
""",
    "attendees.invited": """
[unites|assembles|reunites|summons|calls|rallies|attracts|hosts] {v}
[is|was|will be] [frequented|graced|honoured|watched|followed|enjoyed] by {v}
[counts|has|lists|names|shows] {v} [among its guests|among the guests|as participants|as guests|\
as attendees|on the list]
[attendees|guests|participants|invited|present|who comes]: {v}
[with|for|among|between] {v}[| as guests| as participants| attending| present]
([with|guests:|attendees:|invited:] {v})
[sees|has|lets|wants|asks] {v} [attend|come|take part|join|participate]
[needs|requires|requests|desires] the presence of {v}
[sent|wrote|gave|mailed] [an invitation|invitations|word] to {v}
[reserved|keeps|holds|has] [seats|chairs|places|tickets] for {v}
[would not start without|is incomplete without|is fun with|pleases] {v}
- [the guests are|the participants are|those invited are|on the list are] {v}
[brings|draws|pulls] in {v}
[was|is] [made|arranged|meant|held|planned] for {v}
[is shared|is spent|goes ahead] with {v}
[found|finds|has] [participants|guests|friends|company] in {v}
[puts|sets|places] {v} [on the guest list|at one table|round the table|in the front row]
""",
    "attendee_count.expected_guests": """
[accommodates|admits|hosts|fits|holds|houses|receives|entertains] {v} [people|guests|visitors|\
participants|persons]
[attracts|gathers|lures|pulls in|pulls|brings in|unites] {v} [people|guests|visitors|listeners|\
spectators]
[is|was] [capped|restricted|laid out|designed|prepared|sold out|fixed] [at|with|for] {v} [people|\
guests|visitors|seats|participants]
[prepares|has prepared|reckons|reckoned|is ready] [for|with] {v} [people|guests|visitors|\
participants]
[has|offers|provides|sold|put up] {v} [seats|chairs|places|spots]
[has|shows|states|gives] {v} as [the capacity|the number of guests|the expected number of guests|\
the number of visitors]
[capacity|visitors|attendee count|expected guests|number of guests]: {v}
[for|with|expecting|welcoming|holding|hosting] [up to |about |]{v} [people|guests|visitors|\
participants]
({v} [people|guests|visitors|seats|participants])
[anticipates|forecasts|estimates|predicts] [a crowd|a turnout|an audience|a total] of {v}[| \
people| guests| visitors]
[will be|is|was] [seen|attended|visited|joined|watched] by {v} [people|guests|visitors|participants]
[makes|leaves] room for {v} [people|guests|visitors]
[cannot take more than|stops at|is full with|will not exceed|never exceeds] {v} [people|guests|\
visitors|participants]
[sets|fixes|puts] [the limit|its capacity|the number of guests] at {v}
""",
    "price.entry_fee": """
[sets|puts] [you|visitors|guests|everyone] back [${v}|{v} dollars|{v} euros] [a ticket|each|per \
head|per person]
[demands|wants|requires|collects|levies|expects] [${v}|{v} dollars|{v} euros] [for a ticket|from \
each guest|per ticket|at the entrance|per head|for entry]
[lets|allows] [people|guests|you|visitors] in for [${v}|{v} dollars|{v} euros]
[can be attended|can be entered|may be visited|is open to all|is accessible] for [${v}|{v} \
dollars|{v} euros]
[has|offers|gives out|is selling|sold] [tickets|seats|passes|places] [at|for|priced at] [${v}|{v} \
dollars|{v} euros]
[price|ticket price|fee|entry fee|admission|tickets]: [${v}|{v} dollars|{v} euros|{v} USD]
[at|for] [${v}|{v} dollars|{v} euros] [a ticket|per person|a head|per seat|entry|each]
([${v}|{v} dollars|{v} euros] [a ticket|per person|entry|each|admission])
[has|shows|states|charges] [an admission|a fee|an admission fee|a price|a charge] of [${v}|{v} \
dollars|{v} euros]
[is priced|is offered|sells|stands] at [${v}|{v} dollars|{v} euros] [a seat|per ticket|per guest]
[is not free but costs|costs each guest|costs every visitor|costs] [${v}|{v} dollars|{v} euros][| \
to enter| at the door| to get in| to join]
[makes|has] [every guest|each visitor|everyone|people] [pay|part with|leave|hand over] [${v}|{v} \
dollars|{v} euros]
- [the ticket is|a seat is|entry is|admission is|a ticket costs] [${v}|{v} dollars|{v} euros]
[costs|takes] [no less than|exactly|only|just] [${v}|{v} dollars|{v} euros] [to get in|to join|a \
ticket|a head]
[has|shows|states] [${v}|{v} dollars|{v} euros] as [the fee|the ticket price|the entry fee|the \
price of a ticket]
[raised|lowered|set|fixed] [the fee|its ticket price|the entry fee|admission] [to|at] [${v}|{v} \
dollars]
""",
    "duration_minutes.length_minutes": """
[stretches|extends|drags on|continues|keeps going|is drawn out] [over|for|across] {v} minutes
[fills|occupies|consumes|uses up|spans|requires|covers] {v} minutes
[is|was] [over|finished|done|through] [after|in|within] {v} minutes
[is|was] [scheduled|set|limited|shortened|extended|cut|timed] [to|for|at] {v} minutes
[has|shows|states|gives] [a duration|a length|a running time|a span] of {v}[| minutes| min]
[has|shows|states|gives] {v} minutes as [the duration|its length|the running time]
[duration|length|minutes|duration in minutes|running time]: {v}[| min| minutes]
[lasting|taking|running|going on for|spanning] {v} minutes
({v} [minutes|min|minutes long|min long])
[keeps|holds|entertains|occupies] [people|us|guests|everyone] [busy |there |seated |]for {v} minutes
[does not last longer than|will be no longer than|never exceeds|is] {v} minutes[| long| in length]
[asks|wants|costs|steals] {v} minutes [of your time|of our time|of the day|of patience]
[ends|stops|closes|is finished] after {v} minutes
[gives|leaves|grants|allows] [everyone|us|you] {v} minutes
- [the length is|its duration is|the duration is|it was set to] {v} minutes
[works|gets by|makes do|is content] with {v} minutes
[is|was] a matter of {v} minutes
{v} minutes [long|in length|from start to end|in all]
""",
    "topic.theme": """
[concerns|addresses|examines|handles|tackles|considers|reviews|highlights|celebrates] {v}
[revolves|centres|turns|circles] [around|round|on|about] {v}
[is|was] [devoted|given over|committed|tied|linked] to [the topic of |the subject of |the theme \
of |]{v}
[goes|digs|looks|dives|delves] [deep |deeply |]into {v}
[speaks|talks|informs|teaches|enlightens|argues] [of|about|on] {v}
[has|shows|states|names|gives|chose] {v} as [the topic|the subject|the theme|its main theme|the \
motto]
[topic|subject|theme|about|motto]: {v}
[about|on|concerning|regarding|covering|discussing] {v}
([about|topic|theme|topic:|on] {v})
[puts|places|sets] {v} [in the centre|on the agenda|in focus|at the heart|in the spotlight|on the \
table]
[is all|is mostly|is chiefly|is partly|is purely] about {v}
[brings|sheds] [light|new light] [to|on|into] {v}
[asks|raises|answers|poses] [questions|the question|a question] [of|about|on] {v}
[introduces|leads|guides] [people|guests|us|newcomers] [to|into|through] {v}
[offers|provides|gives|promises] [insights|lessons|news|facts|stories] [into|on|about|from] {v}
""",
    "priority.importance": """
[is|was] [rated|ranked|classed|marked|labelled|flagged|graded] [as |]{v} [in priority|in \
importance|priority|importance]
[has|got|was given|received|carries|enjoys|deserves] [a|the] [priority|importance|rank|urgency] \
of {v}
[has|got|was given|received|carries] the [priority|importance|priority level|level] {v}
[priority|importance|priority level|urgency]: {v}
[with|of] {v} [priority|importance|urgency]
({v} priority)
- [priority|importance] [is|was|remains|stays] {v}
[comes|runs|goes|sits] [with|at|under] {v} [priority|importance]
[matters|counts] [on a|at a] {v} level
[should be|must be|is to be|can be] [treated|handled|seen] [with|as] {v} priority
is [seen|considered|treated|viewed] as [being |]of {v} [importance|priority|urgency]
has {v} [as its priority|under priority|for priority|in the priority column|as the importance]
""",
}
