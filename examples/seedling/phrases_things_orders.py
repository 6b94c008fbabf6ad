"""Orders: further clauses of what an order costs, holds, and where it goes; one entry on each line.

Keyed like the table in paraphrases.py, by a field's first and last key. The subject stands before the clause.
"""

ORDERS = {
    "total.cost": """
[sets|puts|throws] [the customer|the buyer|us|one|you] back [${v}|{v} dollars|{v} euros|by {v} \
dollars]
[rings up|rang up|checks out|closes] [at|for|with] [${v}|{v} dollars|{v} euros]
[goes|went|sold|changes hands|leaves the shop] for [${v}|{v} dollars|{v} euros|the sum of {v} \
dollars]
[retails|trades|is valued|is marked|was valued|is quoted] at [${v}|{v} dollars|{v} euros]
[requires|calls for|means|asks|brings in|yields] [a payment of|payment of|the payment of] [${v}|\
{v} dollars|{v} euros]
[is available|may be bought|is to be had|can be paid|is to be paid] [for|at|with] [${v}|{v} \
dollars|{v} euros]
[reaches|reached|hits|equals|makes up] [a sum of|an amount of|a figure of|a bill of] [${v}|{v} \
dollars|{v} euros]
[has|shows|ends in|closes with|results in] a [bottom line|bill|grand total|final sum|balance|\
charge] of [${v}|{v} dollars|{v} euros]
has [${v}|{v} dollars|{v} euros] [on the price tag|as the price|as its price|on the bill|at the \
bottom of the bill|as the sum due|written under total]
is [not cheap|no bargain|not free|good value|a steal|overpriced|affordable] at [${v}|{v} dollars|\
{v} euros]
[cost|used to cost little but now costs|will cost|would cost|should cost|does cost] [${v}|{v} \
dollars|{v} euros][| including tax| with shipping| all in| net]
[comes with|carries|bears|has] a price tag [of|reading|saying] [${v}|{v} dollars|{v} euros]
[swallowed|devoured|ate up|consumed|took] [${v}|{v} dollars|{v} euros] [of the budget|of our \
money|in all|from the account]
is [paid|settled|cleared|charged|billed|invoiced|booked] [with|at|as] [a sum of|an amount of|the \
amount of] [${v}|{v} dollars|{v} euros]
[price|total|amount|cost|sum|value]: [${v}|{v} dollars|{v} euros|{v} USD|EUR {v}]
[at a price|at a cost|at a total|for a total|worth a sum|to the value|in the amount] of [${v}|{v} \
dollars|{v} euros]
([${v}|{v} dollars|{v} euros|USD {v}|EUR {v}])
[for|at|worth] [${v}|{v} dollars|{v} euros|USD {v}] [in all|overall|all told|altogether|net]
[will be|is|was] [yours|ours|theirs|sent|released] [for|against|after paying] [${v}|{v} dollars|\
{v} euros]
makes [the till|the account|the invoice|the bill] [show|read|say|lighter by] [${v}|{v} dollars|\
{v} euros]
[has increased|has dropped|is down|is up|rose|fell|was corrected|was rounded] [in price |]to \
[${v}|{v} dollars|{v} euros]
[leaves|left|opens] [a bill|an open amount|a sum] of [${v}|{v} dollars|{v} euros][| to pay]
[generates|earns|brings] [the shop|us|the house] [${v}|{v} dollars|{v} euros]
is a matter of [${v}|{v} dollars|{v} euros]
[costs|totals|amounts to] [exactly|only|just|about|almost|no less than|not more than|a mere|a \
proud] [${v}|{v} dollars|{v} euros]
""",
    "quantity.number_of_items": """
[runs to|extends to|sums to|totals|tallies|adds up to] {v} [units|pieces|items|articles]
[packs|bundles|groups|joins|combines|carries|gathers] {v} [units|pieces|items|articles]
[consists of|is composed of|is filled with|is packed with] {v} [units|pieces|items|articles|goods]
[calls for|demands|requests|requires|needs|wants] {v} [units|pieces|items|articles]
[was|is] [limited|raised|reduced|changed|set|increased] to {v} [units|pieces|items]
[has|shows|states|gives] {v} as the [quantity|count|number of items|number of pieces|number of \
units]
has [a size of|a volume of|as many as|no fewer than|not less than|a full|exactly|only] {v} [units|\
pieces|items]
[fills|needs|takes] [a crate|one box|a van|a pallet] with {v} [units|pieces|items]
[quantity|count|units|pieces|number of items|qty]: {v}
[with a quantity|with a count|to the number] of {v}
[with|for|holding|covering|containing] {v} [units|pieces|items|articles]
({v} [units|pieces|items|pcs])
{v} [units|pieces|items] [strong|in all|in size|altogether]
[brings|sends|moves|ships|puts] {v} [units|pieces|items] [on the road|to the buyer|into the van|\
on their way]
[is|was] [counted|checked|packed|weighed|picked] at {v} [units|pieces|items]
comes [in|as] {v} [units|pieces|parts|items]
[reads|says|writes] {v} [under|beside|next to|for] [quantity|count|units|pieces]
[will|should|is to|has to] [hold|have|contain|include|deliver] {v} [units|pieces|items]
[lacks nothing with its|is complete with|is full at|stops at] {v} [units|pieces|items]
[refers|relates|applies|comes] to {v} [units|pieces|items]
""",
    "customer.ordered_by": """
[was|is] [initiated|triggered|commissioned|issued|authorised|confirmed|lodged|filed] by {v}
[was|is] [typed in|phoned in|mailed in|dropped off|handed in|started|put in] by {v}
[originates|stems|came|arrived|reached us|was received|dates back] from {v}
[is|was] [debited|invoiced|credited|attributed|assigned|allotted] to [the account of |the \
customer |the buyer |the client |]{v}
[runs|stands|was filed|was booked|was opened] [under|in] the name [of |]{v}
[bears|carries|has|shows|gives|mentions|states] {v} as [the customer|the buyer|the client|the \
purchaser|the person ordering|the account holder]
[bears|carries|has|shows] the [name|signature|customer name|buyer name] {v}
has [our customer|the client|the buyer|our regular|our old friend|a customer named|a client \
called|a buyer called] {v} behind it
[is|was] [done|carried out|taken|noted|reserved|processed|kept] [on behalf of|for the customer|\
for the client|at the request of|at the wish of|for] {v}
[keeps|made|makes|left|leaves] {v} [happy|waiting|curious|impatient|a happy buyer|a proud owner]
is what {v} [ordered|wanted|bought|asked for|requested|chose|is waiting for]
is [the wish|the doing|a request|the choice|a booking|the latest order|the first purchase] of {v}
is one that {v} [placed|made|sent|sent in|signed|entered|submitted]
[customer|buyer|client|ordered by|customer name]: {v}
[placed|made|sent|signed|submitted|requested] by [the customer |the client |the buyer |]{v}
(for {v})
(customer {v})
(buyer: {v})
[with|having] {v} as [customer|buyer|client]
[from|by] {v}, [our customer|the buyer|the client|a regular|an old client]
[has to be|must be|is to be|will be] [discussed with|confirmed by|picked up by|signed by|paid for \
by] {v}
[concerns|pleased|reached|thrilled] [the client|the customer|the buyer|our client] {v}
owes its existence to {v}
[links|leads|points|relates] [back |]to [the customer|the client|the buyer|customer] {v}
was [never cancelled|happily placed|hastily made|quickly sent|carefully entered] by {v}
""",
    "items.positions": """
[bundles|combines|gathers|joins|packs together|unites|groups] {v}
[is composed of|is built from|is full of|is made of|amounts to|comes down to|boils down to] {v}
[demands|requires|orders|wishes for|seeks|specifies] {v}
[shows|spells out|enumerates|itemises|details|mentions|gives|states] {v}
[brings|ships|delivers|carries|sends out|moves|transports] {v}
has [been filled with|been packed with|in it|on its list|as its contents|as positions|as lines|\
the positions|the lines] {v}
[was|is] [placed|written|issued|entered|meant|signed|put in] for {v}
[comes|arrives|leaves] [with|carrying|bearing|bringing] {v}
[items|lines|positions|contents|ordered|goods]: {v}
[with|for|over|containing|holding|including|listing] {v}
([with|for|containing] {v})
[ought to|should|will|is to|must] [contain|hold|include|bring|deliver] {v}
[concerns|affects|regards|involves|relates to|refers to] {v}
[reads|runs|says|goes] as follows: {v}
[calls|asks|pleads] [the warehouse |]for {v}
[finds|keeps|places|puts] {v} in [one box|the basket|the parcel|the carton|a crate]
is [nothing more than|no less than|simply|just|exactly|neither more nor less than] {v}
""",
    "items.articles": """
[bundles|combines|gathers|joins|packs together|unites|groups] {v}
[is composed of|is built from|is full of|amounts to|comes down to|boils down to] {v}
[demands|requires|orders|wishes for|seeks|specifies] {v}
[shows|spells out|enumerates|itemises|details|states] {v}
[brings|ships|delivers|sends out|moves|transports] {v}
has [been filled with|been packed with|on its list|as its contents|as items|as articles|the \
articles|the products] {v}
[was|is] [placed|written|issued|entered|meant|signed|put in] for {v}
[comes|arrives|leaves] [with|carrying|bearing|bringing] {v}
[items|articles|products|contents|goods|ordered]: {v}
[with|for|over|containing|holding|including|listing] {v}
([with|for|containing] {v})
[ought to|should|will|is to|must] [contain|hold|include|bring|deliver] {v}
[concerns|affects|regards|involves|relates to|refers to] {v}
[reads|runs|says|goes] as follows: {v}
[finds|keeps|places|puts] {v} in [one box|the basket|the parcel|the carton|a crate]
is [nothing more than|no less than|simply|exactly|all about|chiefly] {v}
""",
    "item.article": """
[bundles|demands|requires|orders|seeks|specifies|wishes for] a {v}
[spells out|enumerates|itemises|details|states|shows|gives] a {v}
[brings|ships|delivers|sends out|moves|transports|carries] a {v}
[was|is] [placed|written|issued|entered|meant|signed|put in] for a {v}
[comes|arrives|leaves] [with|carrying|bearing|bringing] a {v}
[amounts to|comes down to|boils down to|is nothing but|is simply|is just] a {v}
[item|article|product|product name|goods|ordered]: {v}
[with|for|over|containing|holding|including|listing] a {v}
([with|for|containing] a {v})
[ought to|should|will|is to|must] [contain|hold|include|bring|deliver] a {v}
[concerns|affects|regards|involves|relates to|refers to] a {v}
[puts|keeps|packs|places] a {v} in [the box|the basket|the parcel|the carton|a crate]
has [a {v} in it|a {v} on the list|a {v} as its only item|a {v} and nothing else]
[names|states|lists] {v} as [the item|the article|the product|its only position]
""",
    "status.order_status": """
[is|was] [labelled|classed|tagged|flagged|noted|registered|filed|logged] [as |]{v}
[is|was] [said|believed|reported|known|confirmed|declared] to be {v}
[appears|shows|stands|goes|runs|figures] [in the list|in the system|on the screen|in our books|in \
the log|online] as {v}
[switched|changed|jumped|went|advanced|progressed|turned] [to|over to|into the state] {v}
[has|keeps|shows|got|received|bears] the [status|state|label|flag|order status|mark] "{v}"
[has|keeps|shows|got|received|bears] the [label|flag|mark|stamp|tag|remark] {v}
[finds itself|sits|rests|remains|is sitting|is held] in [the state|state|the status|status] {v}
has {v} [as its status|as its state|written in the status column|for a status|under status|as the \
latest state]
is [by now|already|at last|still|officially|today|once more|again|at present|reportedly] {v}
[status|state|order status|current state|progress]: {v}
([status|state|status:|now|currently] {v})
with [status|the status|state|the state] {v}
[has|is] [just|recently|only now] [become|turned|gone] {v}
[seems|appears|looks] [to be |]{v} [in the system|according to the log|on the website|to the staff]
[reads|says] {v} [under|beside|next to|behind|in the field] [status|state]
[could be worse: it is|has news: it is|has made it: it is] {v}
[ended up|ends up|turned out|came out|remains|stays] {v}
is [to be regarded|to be treated|to be seen|considered|viewed] as {v}
[will be shown|will appear|will be found] as {v} [on the page|in the app|in the account]
{v} [at the moment|as of today|according to the system|so says the log]
""",
    "date.placed_on": """
[goes|dates|reaches] back to {v}
[was|is] [registered|recorded|logged|filed|submitted|issued|confirmed] on {v}
[reached|hit|entered|appeared in|landed in] [us|our books|the system|the inbox|the shop] on {v}
[was|got] [typed in|phoned in|handed in|written|drawn up|taken down|noted] on {v}
[stems|originates|is] from {v}
has [{v} as the order date|{v} on the form|{v} as the day of ordering|an order date of {v}]
[shows|states|gives|names|mentions] {v} as [the order date|the date of the order|the day it was \
placed|the date of purchase]
[order date|ordered on|placed on|date of order|ordered]: {v}
[placed|made|received|entered|signed|submitted|ordered] on {v}
([placed|ordered|received|entered|dated] {v})
[opened|began|started] with a [click|call|letter|signature] on {v}
was [not placed before|placed no later than|placed exactly on|quickly placed on] {v}
[exists|has existed|has been with us|has been in the system] since {v}
[found|made|fought] its way [into the system|to us|onto our desk] on {v}
[happened|occurred|took place|was concluded|was agreed|was closed|was struck] on {v}
[was|is] [stamped|marked|labelled] with the [order date|date of ordering|date] {v}
[got|received|has] its [number|confirmation|receipt|stamp] on {v}
bears the [stamp|postmark|signature] of {v}
[came about|came into being|saw the light|was born] on {v}
""",
    "delivery_date.due_date": """
[reaches|hits|will be at] [its buyer|the door|the doorstep|its goal] on {v}
[is|was] [promised|announced|estimated|forecast|awaited|scheduled|foreseen] to [arrive|come|be \
there|reach the buyer] on {v}
[will|should|must|is to|ought to] [arrive|come|be there|be handed over|be delivered|turn up|show \
up] [on|by] {v}
[turns up|shows up|rolls in|drops in|lands|pulls in] on {v}
[has|shows|states|gives] {v} as [the delivery date|the due date|the day of arrival|the date of \
delivery|its arrival]
[delivery date|due date|arrives on|arrival|delivery|due]: {v}
[arriving|due|expected|awaited|to be delivered] [on|by] {v}
([arrives|due|delivery|arrival|arriving] {v})
[will not arrive before|cannot be there before|arrives no later than|takes until|needs until] {v}
[is|was] [on its way until|in the van until|in transit until|underway until] {v}
[makes|keeps] the buyer wait until {v}
[rings the bell|knocks on the door|is at the door|can be unpacked] on {v}
[has|got] [an arrival date|a due date|a date of delivery|a delivery slot] [of|on] {v}
[was|is] [late and comes|delayed and arrives|early and arrives|fast and gets there] on {v}
""",
    "destination.delivery_city": """
[sets off|departs|journeys|flies|makes its way|is rolling|moves] [to|towards|for] {v}
[is|was] [forwarded|dispatched|transported|carried|driven|flown|shipped out] to {v}
[crosses the country to|takes the road to|takes the train to|goes all the way to|heads out to] {v}
[ends|finishes|completes] its [journey|trip|travel|way|route] in {v}
[will be|is to be|should be|must be|can be] [unloaded|received|handed over|dropped|delivered|\
collected] in {v}
[has|shows|states|bears|gives] {v} as [the destination|the delivery city|its target city|the \
place of arrival|the city to ship to]
[destination|ship to|delivery city|delivered to|going to|city]: {v}
[bound|headed|meant|intended|destined] for {v}
[going|travelling|sent|addressed|shipped] to {v}
(to {v})
[is awaited|is expected|is wanted|is needed|is missed] in {v}
[serves|reaches|pleases|supplies] [a buyer|a customer|someone|a house] in {v}
[was nearly sent elsewhere but goes to|changed course and now goes to|was rerouted to|was \
redirected to] {v}
[has|needs|takes] a [long|short|safe|bumpy] [way|road|trip] to {v}
[leaves|starts|left] [today|tomorrow|soon|at noon] for {v}
[is|was] [put on the train|loaded on a truck|given to a courier|stamped] for {v}
[seeks|finds|knows] its [way|road] to {v}
[carries|bears] a label [for|to|saying|with] {v}
[must not go abroad but to|no longer goes north but to|skips the capital and goes to] {v}
[has its delivery|sees its delivery|gets its last stop|has its final stop] in {v}
""",
    "shipping_address.delivery_address": """
[is|was] [forwarded|dispatched|carried|driven|directed|posted] to {v}
[will be|is to be|should be|must be|can be] [handed over|dropped off|delivered|unloaded|left] at {v}
[has|shows|bears|states|gives] the [address|shipping address|delivery address|label] {v}
[address|shipping address|deliver to|ship to|delivery address]: {v}
[ends its trip|is anticipated|is expected|rings the bell|reaches its buyer] at {v}
[bound|headed|meant|intended] for {v}
[going|travelling|sent|addressed] to {v}
[travels|makes its way|rolls|heads|moves] to [the door of |the house |the address |]{v}
has {v} [on the label|as its address|written on the box|as the place of delivery]
[knocks at|stops at|calls at|halts at] {v}
[is|was] [labelled|marked|stamped|franked] for {v}
[needs|has] to be [brought|carried|taken|driven] to {v}
[finds|seeks|knows] its way to {v}
([to|deliver to|ship to|address:] {v})
[must not go to the office but to|no longer goes to the old address but to|was rerouted to] {v}
[is|was] [entrusted to a courier|handed to the post|given to the driver] for {v}
""",
    "payment_method.paid_by": """
[was|is|will be|has been] [cleared|honoured|squared|balanced|charged|processed|handled|financed] \
[by|via|through|with] {v}
[relies|depends|runs|works|goes] [on|by|via|through] {v} [for payment|as payment|for the money|\
when it comes to paying]
[takes|accepts|expects|requires|foresees|prefers] {v} [as payment|for payment|as the way to pay|\
as the means of payment]
[has|shows|states|names|gives|mentions] {v} [under payment|as the payment|for payment|as the \
means of payment|as the payment method|as the way of paying]
[payment|payment method|paid by|paid with|pay type]: {v}
[paid|settled|payable|covered] [by|with|via|through] {v}
([by|via|with|paid by] {v})
[did not go on account but by|needed no loan, only|was not free but paid with] {v}
[brought|sent|got] the money [in |]by {v}
[is|was] a matter of {v}
- [money comes|money came|payment came|payment comes|funds came] [by|via|through] {v}
[chose|used|picked|got] {v} [at the till|at checkout|for paying|to pay]
[is|was] [bought|acquired|purchased|taken] [on|by|through|with the help of] {v}
[is|was] [rung up|booked|entered|noted|recorded] as [paid by|a payment by|payment by] {v}
[closes|closed|ended] with [a payment by|payment by|settlement by] {v}
[got|received] its payment [by|via|through|in the form of] {v}
- [the buyer used|the customer chose|the client took|we agreed on] {v} to pay
""",
    "tracking_number.tracking_code": """
[may be|can be|is to be|is] [followed|traced|located|looked up|found|watched] [online |][with|\
under|by|using|via] [the code |the number |]{v}
[got|received|was given|was issued|bears|has been assigned] the [tracking number|tracking code|\
parcel number|tracking] {v}
[moves|rolls|is shipped|is on the road|goes out] under [the code|tracking code|tracking number|\
parcel number] {v}
[shows up|appears|is listed|is known] [in the tracking|at the courier|with the carrier|on the \
tracking page] [as|under] {v}
[has|shows|uses|gives|states] {v} [for tracking|as tracking|as the tracking number|as its \
tracking code|to be tracked by|to follow the parcel]
[tracking|tracking number|tracking code|track it with|parcel code]: {v}
([tracking|track|tracking code] {v})
[with|having|bearing] [tracking|tracking code|tracking number] {v}
[is visible|is traceable|is seen] [to the courier|to the carrier|on the map|on the way] [as|under|\
through] {v}
[lets|allows] [you|everyone|the buyer] [follow it|trace it|track it] [with|by|under] {v}
[has a label|has a sticker|has a barcode|came with a slip] [with|reading|saying] the [tracking \
number|tracking code] {v}
[is|was] [scanned|logged|shown|posted] [by the carrier |by the courier |on the way ][as|under] {v}
- [the carrier|the courier|the driver] [knows it as|calls it|lists it as|finds it under] {v}
""",
    "seller.supplier": """
[was|is] [marketed|distributed|shipped out|fulfilled|processed|dealt with|managed|looked after] \
by {v}
[was|is] [bought|purchased|acquired|obtained|ordered|taken] [from|at|through|via] {v}
[is|lies] in the [hands|care|charge|responsibility] of [the shop |the store |the seller |]{v}
[originates|starts its way|departs|left|was sent] [at|from|with] [the shop |the store |the \
warehouse of |]{v}
[has|shows|names|gives|states] {v} as [the seller|the shop|the store|the vendor|the supplier]
[seller|shop|store|vendor|supplier|sold by]: {v}
[sold|shipped|supplied|offered|handled|packed] by {v}
([from|via|sold by|seller] {v})
[concerns|involves|earns money for|is good business for|pays] [the seller|the shop|the vendor|the \
supplier] {v}
[can be|may be|should be|must be] [returned to|claimed at|complained about at|discussed with] \
[the seller |the vendor |]{v}
goes [through|over] the [books|counter|shop|till] of {v}
was [found|picked up|chosen|discovered|seen] [at|in] the [shop|store|shop window] of {v}
[is|was] [brokered|mediated|serviced|stocked|readied|invoiced] by [the seller |the shop \
|the vendor |]{v}
[ships|comes|leaves|travels|goes out] [from|out of] [the stock of|the depot of|the shelves of|the \
house of] {v}
[counts|ranks] among the sales of {v}
[made|earned|brought] [money|a profit|a good margin] for {v}
[is|was] sold [not by us but by|over the counter of|under the roof of|on the site of] {v}
""",
    "discount.discount_percent": """
[enjoys|offers|allows|grants|brings|earns|shows] [a discount|a reduction|a rebate|a markdown|a \
price cut|savings] of {v} [percent|%|per cent]
[is|was] [marked down|discounted|slashed|knocked down|brought down|decreased] by {v} [percent|%|\
per cent]
[is|was|became|got] {v} [percent|%|per cent] [cheaper|lower|less|below list price|under the usual \
price]
[drops|fell|sank|goes down|comes down] [in price |]by {v} [percent|%|per cent]
[saves|spares] [you|the buyer|everyone|us|the customer] {v} [percent|%|per cent]
[discount|reduction|rebate|discount in percent|you save]: {v}[|%| percent]
[with|at|after] [a discount of|a reduction of|a rebate of] {v} [percent|%|per cent]
(-{v}%)
([minus|less|discount] {v} [percent|%])
[is no longer at full price but|is on sale at|sells at a discount,] {v}% [less|off|lower]
[minus|less] {v} [percent|%]
[contains|applies|uses|shows|features] {v}% [discount|off|rebate|reduction]
[leaves|takes|knocks|shaves|cuts] {v} [percent|%] off [the price|the list price|the bill|the old \
price]
[has|was given|got] [a voucher|a coupon|a code] for {v} [percent|%] [off|less]
{v} [percent|%] [off|cheaper|reduced|below list price]
[has|shows|states] {v} as [the discount|its discount|the discount in percent|the percentage off]
""",
}
