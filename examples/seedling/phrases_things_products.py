"""Products: further clauses of who makes a thing, what it looks like, how many there are; one entry on each line.

Keyed like the table in paraphrases.py, by a field's first and last key. The subject stands before the clause.
"""

_COLOURED = """
[is|was] [painted|coloured|tinted|dyed|lacquered|finished|held|kept] in {v}
[is|can be|may be] [had|bought|ordered|found|seen|supplied|delivered] in {v}
[exists|ships|arrives|appears|shines|glows|presents itself] in {v}
[offers|shows|features|displays|has] [the colour|the shade|the tone|a finish in|a coat of] {v}
[colour|color|in|shade|finish]: {v}
[looks|looks good|looks best|stands out|pleases] in {v}
[made|kept|painted|sold|offered|available] in {v}
([in|colour|color] {v})
[wears|sports|favours|brings] {v} [on the outside|as a colour|all over]
[gives|leaves] [a choice of|the choice of|nothing but|only] {v}
[is no longer grey but comes in|can be picked in|may be chosen in|was dipped in] {v}
"""

PRODUCTS = {
    "brand.maker": """
[was|is] [crafted|assembled|engineered|created|forged|invented|fabricated|sewn] by [the company |\
the firm |]{v}
[was|is] [put on the market|brought to market|launched|released|marketed|distributed|branded] by {v}
[stems|originates|hails|derives|was bought directly|leaves the factory] from {v}
[is|was] [a creation|the pride|a bestseller|a work|an item|a piece] [of|by|from] {v}
[left|leaves|rolled out of|came out of|was born in] the [factory|works|workshop|plant|halls] of {v}
[has|shows|states|names|gives] {v} as [the brand|the maker|the manufacturer|its brand|the producer]
[brand|maker|manufacturer|made by|producer]: {v}
[made|built|produced|manufactured|crafted|designed] by {v}
([by|from|brand|brand:|maker] {v})
[bears|wears|carries|shows] the [logo|badge|stamp|mark|sign|seal] of {v}
[has|owes] [its quality|its fame|its shape|its name] [from|to] [the maker |]{v}
[belongs|counts] [to|among] the [range|line|catalogue|products] of {v}
[trusts|relies on|builds on] the [experience|name|craft] of {v}
is what {v} [makes|builds|produces|is known for|sells most|invented]
[goes|runs|sells] under the [brand|label|name] {v}
[is not a copy but a real|is a true|is a genuine|is a typical] {v}
""",
    "colour.color": _COLOURED
    + """
- [its colour is|the colour is|the shade is|we call the colour] {v}
[has|got|received|shows] a {v} [colour|shade|finish|coat|surface|look]
[is|was] [a matter of|all about|covered in|sprayed in|printed in] {v}
[turned|went|faded to|came out] {v}
[is|was] delivered not in grey but in {v}
""",
    "colours.available_colors": _COLOURED
    + """
- [the colours are|its colours are|the shades are|you can choose] {v}
[has|got|offers|shows] the [colours|shades|tones|finishes] {v}
[colours|available colours|shades|choice of colours]: {v}
[leaves you to choose between|lets you pick from|may be ordered as|can be chosen from] {v}
""",
    "stock.available_units": """
[has|shows|counts|keeps|holds|boasts] {v} [units|pieces] [left|in store|in the warehouse|ready|to \
sell|in reserve]
[is|remains|lies] [available|stored|stocked|kept|piled up|on hand] [in {v} units|in {v} pieces|\
with {v} pieces|with {v} units]
[has|shows|states|reports] [a stock|an inventory|a supply|a reserve|a store] of {v}[| units| pieces]
[stock|in stock|available units|units left|inventory]: {v}
[with|having] {v} [units|pieces] [in stock|left|on hand|in store]
({v} [in stock|left|units left|pieces left|on hand])
[is down to|dropped to|went up to|was refilled to|is back at] {v} [pieces|units|units in stock]
[can be shipped|can be sold|waits|sits on the shelf] {v} times
[will last: there are|is still there: we have|is not gone: we have|runs low: there are] {v} \
[units|pieces] left
[fills|takes up] the [shelf|warehouse|store|rack] with {v} [units|pieces]
[is|was] [counted|inventoried|restocked|stored|listed] at {v} [units|pieces]
[sells out after|can serve] {v} [more buyers|buyers|orders]
[shows|has] {v} [in the stock column|under stock|as the stock|as available|beside in stock]
[lies|sits|waits|rests] in [the warehouse|our store|storage] {v} times
[has|leaves] a [remaining stock|remainder|rest] of {v} [pieces|units]
{v} [units|pieces] [left|in stock|on the shelf|on hand]
""",
    "sku.code": """
[is|was] [registered|catalogued|indexed|booked|known|entered|archived|sold] [under|as|with] [the \
code |the number |article number |]{v}
[bears|shows|wears|got|received|was given] the [article number|code|sku|product code|stock code] {v}
[has|shows|states|gives|names] {v} as [the article number|the code|the sku|its code|the product \
code]
[sku|code|article number|article no.|product code]: {v}
([sku|code|article|article number|no.] {v})
[with|under] [the code|article number|the article number|sku|code] {v}
[can be|may be|is to be] [ordered|found|looked up|requested|scanned] [with|under|by|using] [the \
code |]{v}
[answers to|scans as|appears in the list as|is abbreviated] {v}
[reads|says] {v} on [the label|the barcode|the sticker|the tag|the box]
[is identified|is recognised|is tracked down|is called up] by [the code|article number|the \
number] {v}
[goes|runs|appears|is traded] [in the catalogue|in the list|in the system|at the till] [as|under] \
{v}
[has|carries|got] a [barcode|sticker|tag|label] [with|reading|saying] {v}
[prints|shows|displays] {v} [on its label|as its number|as a code|under article number]
- [its code reads|its number reads|the label says|the barcode says] {v}
- [the warehouse|the till|our system|the shop] [knows it as|calls it|finds it under|lists it as] {v}
is [number|article|article no.|item no.] {v} [in the catalogue|in our list|in the shop|on the list]
""",
    "rating.stars": """
[was|is] [graded|scored|judged|valued|ranked|marked|reviewed] [at |with ]{v}[| stars| points| out \
of 5]
[collects|boasts|holds|reached|averages|attained|enjoys|achieved] {v} [stars|points|out of 5|of 5 \
stars]
[has|shows|keeps|holds|got] [a score|a mark|an average|a rating|a grade] of {v}[| stars| points| \
out of 5]
[rating|stars|score|rated|average rating]: {v}
[rated|scored|with a rating of|with|at] {v} [stars|out of 5|of 5]
({v} [stars|out of 5|of 5 stars|points])
[convinces|pleases|won over|disappoints|impresses] [customers|users|buyers|reviewers|testers] \
with {v} [stars|points|out of 5]
[is|was] given {v} [stars|points|out of 5|out of five] [by buyers|by users|by customers|on average]
[earns|deserves|merits|takes] [a|its] {v} [from reviewers|from buyers|out of 5|in the ratings]
[stands|sits|lies|lands] at {v} [stars|points|out of 5|in the ratings|in reviews]
[makes buyers give|made people award|got testers to award|made users leave] {v} stars
[climbed|rose|fell|dropped|slipped|moved] to {v} [stars|points|out of 5]
- [users|buyers|customers|testers|critics] [give it|gave it|grant it|award it] {v}[| stars| points| \
out of 5]
[is loved at|is liked at|comes in at|comes out at|is put at] {v} [stars|points|out of 5]
[has|shows] {v} [as the rating|under rating|in the reviews|as its stars|as the average]
[gathers|picks up|takes home|wins|secures] {v} [stars|points]
""",
    "warranty_years.warranty": """
[carries|includes|offers|brings|has|enjoys|is sold with] [a warranty|a guarantee|warranty cover|\
protection|cover] of {v} years
[is|was] [covered|guaranteed|protected|insured|under warranty|backed] for {v} years
[warranty|guarantee|warranty in years|warranty years]: {v}
[with|including] {v} years [of warranty|of guarantee|warranty|guarantee]
({v} years [warranty|of warranty|guarantee])
[can be repaired free|may be returned|can be exchanged] for {v} years [under warranty|by guarantee]
[gives|grants|allows|leaves] [buyers|you|everyone|the owner] {v} years of [warranty|guarantee|cover]
[has|shows] {v} years as [the warranty|its warranty|the guarantee]
[promises|guarantees] to [work|last|hold] [for |]{v} years
[stays|remains|is] under [warranty|guarantee] for {v} years
- [the maker|the factory|the shop|the seller] [guarantees it|backs it|covers it|repairs it] for {v} \
years
[has|shows|states] [a warranty period|a guarantee period|a warranty time] of {v} years
[loses its warranty|ends its warranty|runs out of warranty] after {v} years
""",
    "size.condition": """
[is|was] [cut|made|built|sold|offered|produced|delivered] [in|as] [size|the size|a size called] {v}
[is|was] [classed|rated|listed|marked|labelled|sold] as {v}
[size|format|dimensions]: {v}
[has|shows|bears|got|carries] the size {v}
[in|of] [size|the size] {v}
(size {v})
[counts|passes|goes|sells] as [size|a size] {v}
[fits|suits] [those|people|anyone] who [wear|need|want|like] size {v}
is [rather|quite|clearly|what we call|definitely|of the size] {v}
[says|reads] {v} [on the size tag|on the size label|under size|for size]
[comes|arrives|ships|is supplied] only in {v}
- [the size is|its size is|the label says size|we call the size] {v}
[turned out|proved|seems|looks] [to be |]{v} in size
[takes|needs|fills] the space of a {v} one
""",
}
