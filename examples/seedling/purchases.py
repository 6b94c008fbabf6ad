"""Purchases: orders told from the buyer's side."""

from draw import Draw, Phrases
from makers import copied, flag, many, money
from orders import LINES_SCHEMA, order_lines
from records import BOOLEAN, DATE, NUMBER, STRING, STRINGS, Field, Kind


def _refer_buyer(draw: Draw, shown: str) -> tuple[str, tuple[str, ...]]:
    return shown, (draw.one(("He", "She")), shown.split()[0])


# An order told from the buyer's side: "Ada Lovelace ordered 3 x lamp and paid $20."
PURCHASE = Kind(
    titles=("Order", "Order", "Purchase", "Sale"),
    subject=Field(
        ("customer", "customer", "customer_name", "buyer", "client", "name"),
        copied(Draw.person),
        Phrases("{v}"),
        STRING,
    ),
    refer=_refer_buyer,
    human=True,
    fields=(
        Field(
            ("items", "items", "lines", "products"),
            order_lines,
            Phrases("ordered {v}", "bought {v}", "wants {v}", "asked for {v}", "needs {v}"),
            LINES_SCHEMA,
        ),
        Field(
            ("items", "products", "articles"),
            many(Draw.good),
            Phrases("ordered {v}", "bought {v}", "wants to buy {v}", "picked {v}"),
            STRINGS,
            Phrases("What did {s} order?", "What did {s} buy?", "Which items does {s} want?"),
        ),
        Field(
            ("item", "product", "article"),
            copied(Draw.good),
            Phrases("ordered a {v}", "bought a {v}", "wants a {v}", "would like a {v}"),
            STRING,
            Phrases("What did {s} order?", "What did {s} buy?", "Which product does {s} want?"),
        ),
        Field(
            ("total", "price", "amount", "total_price", "cost"),
            money,
            Phrases("paid ${v}", "spent {v} dollars", "paid {v} euros", "was charged ${v}"),
            NUMBER,
            Phrases("How much did {s} pay?", "How much did {s} spend?", "What did {s} pay?"),
        ),
        Field(
            ("order_id", "order_number", "reference"),
            copied(Draw.code),
            Phrases(
                "has the order number {v}",
                "received the order number {v}",
                "quotes the reference {v}",
                "asked about order {v}",
            ),
            STRING,
            Phrases("What is the order number of {s}?", "Which order number does {s} have?"),
        ),
        Field(
            ("city", "destination", "ship_to", "delivery_city"),
            copied(Draw.city),
            Phrases(
                "wants it shipped to {v}",
                "asked for delivery to {v}",
                "wants delivery to {v}",
                "needs it sent to {v}",
            ),
            STRING,
            Phrases("Where does the order of {s} go?", "Which city should {s} get it in?"),
        ),
        Field(
            ("date", "order_date", "ordered_on"),
            Draw.date,
            Phrases("ordered on {v}", "placed the order on {v}", "bought it on {v}"),
            DATE,
            Phrases("When did {s} order?", "On which date did {s} order?"),
        ),
        Field(
            ("express", "express_shipping"),
            flag,
            {
                True: Phrases("chose express shipping", "wants express shipping"),
                False: Phrases("chose standard shipping", "wants standard shipping"),
            },
            BOOLEAN,
        ),
    ),
)
