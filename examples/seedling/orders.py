"""Orders, and the products in them."""

from draw import Draw, Phrases
from makers import copied, flag, many, money, picked, whole
from places import ADDRESS_SCHEMA, address
from records import BOOLEAN, DATE, INTEGER, NUMBER, STRING, STRINGS, Field, Kind, Made, listed

STATUSES = ("pending", "paid", "shipped", "delivered", "cancelled")
_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _refer_order(draw: Draw, shown: str) -> tuple[str, tuple[str, ...]]:
    return f"{draw.one(('order', 'order', 'order number', 'purchase'))} {shown}", (
        "It",
        "The order",
    )


def order_lines(draw: Draw) -> Made:
    """Items with quantities: [{"name": "red mugs", "quantity": 2}, ...]; names as the text has them."""
    items, shown = [], []
    for _ in range(draw.number(1, 3)):
        count, thing = draw.one((1, 2, 3, draw.number(1, 10), draw.number(1, 99))), draw.good()
        times = count > 1 and draw.chance(0.4)
        if count > 1 and not times:
            thing += "es" if thing.endswith(("s", "x", "ch", "sh")) else "s"
        items.append({"name": thing, "quantity": count})
        number = _COUNTS[count - 1] if count <= 10 and draw.chance(0.3) else str(count)
        shown.append(f"{number} x {thing}" if times else f"{number} {thing}")
    return items, listed(shown)


LINES_SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"name": STRING, "quantity": INTEGER},
        "required": ["name", "quantity"],
    },
}
TOTAL = Field(
    ("total", "total", "price", "amount", "total_price", "cost"),
    money,
    Phrases(
        "costs ${v}",
        "comes to ${v}",
        "has a total of ${v}",
        "adds up to ${v}",
        "was billed at {v} dollars",
        "totals {v} euros",
        "[amounts|runs|sums up] to [${v}|{v} dollars|{v} euros]",
        "[has a price|has a value|is priced at the sum] of [${v}|{v} dollars]",
        "is [priced|listed|sold|offered] at [${v}|{v} euros]",
        "[carries|shows] a [price|total|cost] of [${v}|{v} dollars]",
        "is worth {v} dollars",
    ),
    NUMBER,
    Phrases(
        "How much does {s} cost?",
        "What is the total of {s}?",
        "What is the price of {s}?",
        "How much is {s}?",
    ),
)
QUANTITY = Field(
    ("quantity", "quantity", "count", "units", "number_of_items"),
    whole(1, 120),
    Phrases(
        "is for {v} units",
        "contains {v} pieces",
        "covers {v} units",
        "holds {v} items",
        "includes {v} pieces",
        "[counts|has|asks for|lists] {v} [units|pieces|items]",
        "is [about|made up of] {v} [units|pieces]",
    ),
    INTEGER,
    Phrases("How many items does {s} have?", "What is the quantity of {s}?"),
)
ORDER = Kind(
    titles=("Order", "Order", "Purchase", "Invoice", "Sale"),
    subject=Field(
        ("order_id", "order_id", "id", "order_number", "number", "reference"),
        copied(Draw.code),
        Phrases("{v}"),
        STRING,
    ),
    refer=_refer_order,
    fields=(
        TOTAL,
        TOTAL,
        QUANTITY,
        Field(
            ("customer", "customer", "customer_name", "buyer", "client", "ordered_by"),
            copied(Draw.person),
            Phrases(
                "was placed by {v}",
                "is for {v}",
                "belongs to {v}",
                "was made by {v}",
                "came in from {v}",
                "was submitted by {v}",
                "was [ordered|requested|sent in|signed|entered|created] by {v}",
                "[goes back|is addressed|is registered] to {v}",
                "is [the order of|owned by|under the name of] {v}",
                "lists {v} as the [customer|buyer|client]",
            ),
            STRING,
            Phrases(
                "Who placed {s}?",
                "Who is the customer of {s}?",
                "Who ordered {s}?",
                "Which customer does {s} belong to?",
            ),
        ),
        Field(
            ("item", "item", "product", "product_name", "article"),
            copied(Draw.good),
            Phrases(
                "is for a {v}",
                "contains a {v}",
                "includes a {v}",
                "asks for a {v}",
                "consists of a {v}",
                "[holds|lists|has|names|covers|requests] a {v}",
                "is [about|made out for] a {v}",
            ),
            STRING,
            Phrases(
                "What is in {s}?",
                "What item does {s} contain?",
                "Which product is in {s}?",
                "What was ordered in {s}?",
            ),
        ),
        Field(
            ("items", "items", "products", "articles"),
            many(Draw.good),
            Phrases(
                "contains {v}",
                "includes {v}",
                "lists {v}",
                "is made up of {v}",
                "[has|holds|names|covers|requests|brings together] {v}",
                "is [made out for|about] {v}",
                "consists of {v}",
            ),
            STRINGS,
            Phrases("What does {s} contain?", "Which items are in {s}?"),
        ),
        Field(
            ("items", "lines", "positions"),
            order_lines,
            Phrases(
                "contains {v}",
                "asks for {v}",
                "[has|holds|covers|requests|is for|consists of] {v}",
                "lists {v}",
                "includes {v}",
            ),
            LINES_SCHEMA,
        ),
        Field(
            ("status", "status", "state", "order_status"),
            picked(STATUSES),
            Phrases(
                "is {v}",
                "is currently {v}",
                "has the status {v}",
                "is marked as {v}",
                "[shows|carries|stands at] the [status|state] {v}",
                "was [set to|reported as] {v}",
                "counts as {v}",
                "is now {v}",
            ),
            {"type": "string", "enum": list(STATUSES)},
            Phrases("What is the status of {s}?", "What state is {s} in?"),
        ),
        Field(
            ("date", "order_date", "ordered_on", "placed_on"),
            Draw.date,
            Phrases(
                "was placed on {v}",
                "was made on {v}",
                "is dated {v}",
                "came in on {v}",
                "was [received|created|sent in|entered|signed|booked] on {v}",
                "[bears|carries] the date {v}",
                "arrived in our system on {v}",
            ),
            DATE,
            Phrases("When was {s} placed?", "What is the date of {s}?"),
        ),
        Field(
            ("delivery_date", "arrives_on", "due_date"),
            Draw.date,
            Phrases(
                "should arrive on {v}",
                "is due on {v}",
                "will be delivered on {v}",
                "is expected on {v}",
                "[gets there|reaches the customer|comes] on {v}",
                "has [a delivery date of|the delivery date] {v}",
                "[is planned|is set] to arrive on {v}",
            ),
            DATE,
            Phrases("When will {s} arrive?", "When is {s} due?"),
        ),
        Field(
            ("destination", "ship_to", "city", "delivery_city"),
            copied(Draw.city),
            Phrases(
                "ships to {v}",
                "goes to {v}",
                "will be sent to {v}",
                "is on its way to {v}",
                "[travels|is bound|leaves] for {v}",
                "[must|should|has to] [go|get|be sent] to {v}",
                "has {v} as its [destination|target]",
                "is [addressed|headed] to {v}",
            ),
            STRING,
            Phrases("Where does {s} ship to?", "Which city does {s} go to?"),
        ),
        Field(
            ("shipping_address", "address", "delivery_address"),
            address,
            Phrases(
                "ships to {v}", "goes to {v}", "should be delivered to {v}", "will be sent to {v}"
            ),
            ADDRESS_SCHEMA,
        ),
        Field(
            ("paid", "is_paid"),
            flag,
            {
                True: Phrases("has been paid", "is already paid", "was paid in full"),
                False: Phrases("has not been paid", "is not paid yet", "still needs to be paid"),
            },
            BOOLEAN,
        ),
        Field(
            ("express", "express_shipping", "priority_shipping"),
            flag,
            {
                True: Phrases("travels by express shipping", "needs express shipping"),
                False: Phrases("travels by standard shipping", "needs no express shipping"),
            },
            BOOLEAN,
        ),
        Field(
            ("payment_method", "payment", "paid_by"),
            picked(("credit card", "cash", "bank transfer", "gift card", "invoice")),
            Phrases(
                "was paid by {v}",
                "is settled by {v}",
                "was [settled|covered] with {v}",
                "[is|will be] paid [by|with|via] {v}",
                "lists {v} as the payment method",
                "uses {v} as payment",
            ),
            STRING,
            Phrases("How was {s} paid?", "What is the payment method of {s}?"),
        ),
        Field(
            ("tracking_number", "tracking", "tracking_code"),
            copied(Draw.code),
            Phrases(
                "has the tracking number {v}",
                "can be tracked with {v}",
                "travels under the number {v}",
                "[carries|shows|uses] the tracking [code|number] {v}",
                "is tracked [as|under] {v}",
            ),
            STRING,
            Phrases("What is the tracking number of {s}?", "How can {s} be tracked?"),
        ),
        Field(
            ("seller", "shop", "store", "vendor", "supplier"),
            copied(Draw.company),
            Phrases(
                "was sold by {v}",
                "comes from {v}",
                "is handled by {v}",
                "was [shipped|packed|delivered|supplied] by {v}",
                "is [from the shop|from the store] {v}",
            ),
            STRING,
            Phrases("Who sold {s}?", "Which company handles {s}?"),
        ),
        Field(
            ("discount", "discount_percent"),
            whole(1, 60),
            Phrases(
                "has a discount of {v} percent",
                "is reduced by {v}%",
                "[gets|got|has] {v} percent off",
                "was [lowered|cut] by {v} percent",
                "includes {v}% off",
            ),
            INTEGER,
            Phrases("What is the discount on {s}?", "By how many percent is {s} reduced?"),
        ),
    ),
)
