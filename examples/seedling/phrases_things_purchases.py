"""Purchases: further clauses of what a buyer took, paid and when; one entry on each line.

Keyed like the table in paraphrases.py, by a field's first and last key. The subject stands before the clause.
"""

_BOUGHT = """
[acquired|obtained|secured|snapped up|picked up|grabbed|procured|snatched] {v}
[ordered online|sent off for|sent away for|signed up for|reserved|booked|called for|went for] {v}
[was sold|was handed|was given|was sent|was shipped|was promised|will be sent|will get] {v}
[placed|put|threw|laid] {v} [in the basket|in the cart|on the counter|into the trolley|on the \
shopping list]
[left with|walked out with|came home with|drove off with|is expecting|awaits|looks forward to] {v}
[added|clicked on|opted for|settled for|settled on|fell for|voted for] {v}
[made|signed|sent|filed|submitted] [an order|a request|a purchase|a purchase order|a booking] \
[for|of|over] {v}
[hopes|intends|means|plans|wishes|decided|agreed] to [buy|get|order|have|purchase|acquire] {v}
[could not resist|did not hesitate to buy|was keen on getting|was in need of|ran out of and \
reordered] {v}
[has|had] {v} [on order|in the basket|in the cart|on the list|delivered|brought home|put aside]
[has|had] [ordered|bought|requested|chosen|purchased|acquired] {v}
[paid|pays|is paying|spent money] for {v}
[became|is now|is] [the owner|the proud owner|the happy owner|the buyer] of {v}
[wrote|jotted|put] {v} [on the order form|on the order|down as the order|in the order field]
[ordered|bought|items|basket|wanted|purchase]: {v}
[buying|ordering|purchasing|requesting|choosing] {v}
[treated the family to|invested in|splashed out on|lashed out on|spent the bonus on] {v}
[returned the old ones and took|looked at many things and took|wanted more but only took|tried \
others but kept] {v}
"""

PURCHASES = {
    "items.products": _BOUGHT,
    "products.articles": _BOUGHT,
    "item.product": _BOUGHT.replace(" {v}", " a {v}").replace(": a {v}", ": {v}"),
    "total.total_price": """
[handed over|counted out|put down|laid down|parted with|shelled out|coughed up|forked out] [${v}|\
{v} dollars|{v} euros]
[paid|pays|will pay|had to pay|ended up paying|agreed to pay] [${v}|{v} dollars|{v} euros][| at \
the till| by the end| all in| for everything]
[was|got|is] [asked for|debited|relieved of|quoted|sent a bill for|made to pay] [${v}|{v} dollars|\
{v} euros]
[faces|received|got|owes|settled|cleared|footed] a [bill|total|sum|balance|charge] of [${v}|{v} \
dollars|{v} euros]
[invested|sank|put|laid out|spent] [${v}|{v} dollars|{v} euros] [in it|on it|into it|in the shop|\
there]
[saw|found|noticed|read] [${v}|{v} dollars|{v} euros] [on the receipt|on the bill|at the till|as \
the total|under total]
[has|had] [a bill|a total|costs|a balance|expenses|an invoice] of [${v}|{v} dollars|{v} euros]
[wired|remitted|sent|deposited|left|placed] [${v}|{v} dollars|{v} euros] [for it|as payment|for \
the goods|with the shop|on the counter]
[total|price|amount|cost|sum paid|to pay]: [${v}|{v} dollars|{v} euros|{v} USD]
[paying|spending|owing] [${v}|{v} dollars|{v} euros]
([${v}|{v} dollars|{v} euros] [paid|in total|in all|all in])
for [${v}|{v} dollars|{v} euros][| in total| in all| altogether]
[got|bought|had] [it|all of it|everything|the lot] for [${v}|{v} dollars|{v} euros]
[is|was] [poorer by|out of pocket by|down by|short of] [${v}|{v} dollars|{v} euros]
[gave|offered|promised|owes] [the shop|the seller|us] [${v}|{v} dollars|{v} euros]
[did not haggle and paid|expected less but paid|thought it fair to pay|agreed on] [${v}|{v} \
dollars|{v} euros]
[spent|paid] [a total|a sum|an amount|the sum|the amount] of [${v}|{v} dollars|{v} euros]
[let|saw] [${v}|{v} dollars|{v} euros] [go|leave the account|leave the purse|change hands]
""",
    "order_id.reference": """
[uses|cites|states|reported|noted|copied|typed|submitted] [the number|order number|the order id|\
the reference|reference] {v}
[is|was] [listed|filed|registered|found|served|handled|known|booked] [under|by] [order|order \
number|the reference|order id|the number] {v}
[got|obtained|was sent|was assigned|was issued|was emailed] [the reference|order number|the order \
id|the confirmation|the number] {v}
[asks|asked|enquires|worries|wonders|complained|phoned|mailed] [about|after|because of|regarding|\
concerning] [order|order number|the order|purchase] {v}
[order id|order number|reference|order|order no.|ref]: {v}
([order|order number|ref|reference|order id] {v})
[with|under] [order number|reference|the order id|the order number|order] {v}
[placed|made|signed|started|opened|tracks|cancelled nothing in|owns] [the order|order|purchase|\
order number] {v}
has [{v} as order number|{v} as the reference|{v} on the receipt|{v} for an order id|the \
confirmation {v}|the receipt {v}]
[gave|named|mentioned|quoted|provided|showed] {v} as [the order number|the reference|the order id|\
order number]
[found|read|saw|noticed] {v} [on the receipt|on the confirmation|in the order mail|printed as \
order number]
[lost the receipt of|confirmed|remembers|follows|keeps a copy of] order {v}
[goes|runs|appears|shows up] [in the system|in our books|in the list] [under|with] [order|order \
number|reference] {v}
[wants|needs|expects|asked for] [news|an answer|an update|a refund] [on|about|for] [order|order \
number|purchase] {v}
[reads|reads out|spells|dictates|repeats] [the order number|the reference|order number] {v}
[keeps|wrote|noted|has] the [slip|note|paper|mail] with [the order number|reference|the \
reference] {v}
[knows|calls|names] the order [as|by its number,|by the number] {v}
[forgot the name but remembers|has no receipt but knows] the [order number|reference] {v}
""",
    "city.delivery_city": """
[would like|requested|ordered|arranged|booked|demanded|agreed on] [delivery|shipment|shipping|a \
delivery|transport] to {v}
[will|should|is to|hopes to|wants to] [receive|get|collect|pick up|unpack] [it|the parcel|the \
goods|everything] in {v}
[waits for|receives|gets|collects|awaits|takes] [the parcel|the box|it|the goods|the shipment] in \
{v}
[has|lets|wants|needs|asked to have] [it|the parcel|the box|the goods|everything] [brought|\
carried|taken|driven|posted|forwarded] to {v}
[city|destination|ship to|delivery city|deliver to|shipping to]: {v}
[picked|entered|typed|wrote|put|stated] {v} as [the destination|the delivery city|the city|the \
ship-to city]
([delivery to|to|ship to|goes to|shipped to] {v})
[with|for] [delivery|shipment|shipping|dispatch] to {v}
[did not want it at work but in|changed the destination to|moved the delivery to|redirected it \
to] {v}
[pays|paid|asked] for [shipping|transport|a courier|the post] to {v}
[sent|directed|had us send] [the parcel|it|the goods|everything] [over |off |]to {v}
[is|was] [served|supplied|visited by the courier|waiting for the van] in {v}
[lives elsewhere but wants it in|does not live there but had it sent to|moved, so it goes to] {v}
- [a van brings|the post brings|the courier takes|we send] it to {v}
[counts on|hopes for|relies on|insists on] [delivery|shipment|a delivery] [in|to] {v}
[would be happy to|would love to|can|plans to] [get|receive|have|unpack] it in {v}
[left|gave|wrote] {v} [for the delivery|for shipping|as where it should go]
[orders|ordered|buys|bought] [it |]for delivery [in|to] {v}
""",
    "date.ordered_on": """
[signed|submitted|filed|sent off|confirmed|typed|entered|finished] the order [form |]on {v}
[came in|called|went shopping|clicked on buy|visited the shop|went to the till|rang up] on {v}
[closed the deal|struck the deal|said yes|made up the mind|decided|shopped] on {v}
[became|turned into|was registered as|is known as] a customer on {v}
[date|order date|ordered on|date of order|ordered]: {v}
[ordering|buying|shopping|signing] on {v}
([on|ordered|ordered on|order date] {v})
[chose|took|picked|used] {v} [for the order|for shopping|to place the order|for the purchase]
[has|had] {v} [on the receipt|as the order date|as the date of purchase]
[asked for it|requested it|paid for it|reserved it|wanted it] on {v}
[has been waiting|has waited|is waiting|has been our customer] since {v}
[did not order before|ordered no later than|ordered exactly on|ordered as early as] {v}
[got the receipt|got a confirmation|received the confirmation|kept the receipt] [from|dated|of] {v}
[stood at the till|stood in the shop|sat down to order|rang to order] on {v}
[handed in|turned in|dropped off|mailed|faxed] the order on {v}
- [the order came|the purchase fell|it was ordered] on {v}
[has been waiting for it|has looked forward to it|has asked about it] since {v}, [the order date|\
when it was ordered]
[made|did|finished] [the shopping|the buying|the deal|the transaction] on {v}
[became an owner|became the owner|turned buyer] on {v}
""",
}
