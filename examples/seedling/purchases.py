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
            Phrases(
                "ordered {v}",
                "bought {v}",
                "wants {v}",
                "asked for {v}",
                "needs {v}",
                "[purchased|requested|chose|took|got|put in an order for|placed an order for|would like|is buying] {v}",
            ),
            LINES_SCHEMA,
        ),
        Field(
            ("products", "items", "articles"),
            many(Draw.good),
            Phrases(
                "ordered {v}",
                "bought {v}",
                "wants to buy {v}",
                "picked {v}",
                "[purchased|requested|chose|took|got|placed an order for|would like|is buying] {v}",
            ),
            STRINGS,
            Phrases("What did {s} order?", "What did {s} buy?", "Which items does {s} want?"),
        ),
        Field(
            ("item", "article", "product"),
            copied(Draw.good),
            Phrases(
                "ordered a {v}",
                "bought a {v}",
                "wants a {v}",
                "would like a {v}",
                "[purchased|requested|chose|picked|took|got|needs|placed an order for|is buying] a {v}",
            ),
            STRING,
            Phrases("What did {s} order?", "What did {s} buy?", "Which product does {s} want?"),
        ),
        Field(
            ("total", "price", "amount", "cost", "total_price"),
            money,
            Phrases(
                "paid ${v}",
                "spent {v} dollars",
                "paid {v} euros",
                "was charged ${v}",
                "[pays|paid|spent|transferred|gave] [${v}|{v} dollars|{v} euros] [in total|for it|altogether]",
                "was [billed|invoiced] [${v}|{v} dollars]",
                "[owes|has to pay|must pay] {v} dollars",
            ),
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
                "[has|got|gave|mentioned|was given] the [reference|order number|order id] {v}",
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
                "[had|has] it [shipped|sent|delivered] to {v}",
                "[chose|gave|named] {v} as the [destination|delivery city]",
                "expects it in {v}",
            ),
            STRING,
            Phrases("Where does the order of {s} go?", "Which city should {s} get it in?"),
        ),
        Field(
            ("date", "order_date", "ordered_on"),
            Draw.date,
            Phrases(
                "ordered on {v}",
                "placed the order on {v}",
                "bought it on {v}",
                "[made the purchase|sent the order|signed the order|decided to buy] on {v}",
            ),
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
