"""Products: what can be bought, and what is said of it."""

import words
from draw import Draw, Phrases
from makers import copied, flag, picked, whole
from orders import TOTAL
from records import BOOLEAN, INTEGER, NUMBER, STRING, STRINGS, Field, Kind, listed


def _refer_product(draw: Draw, shown: str) -> tuple[str, tuple[str, ...]]:
    return f"the {shown}", ("It", "The product", "It")


PRODUCT = Kind(
    titles=("Product", "Product", "Item", "Article", "Offer"),
    subject=Field(
        ("name", "name", "product", "product_name", "title"),
        copied(Draw.good),
        Phrases("{v}"),
        STRING,
    ),
    refer=_refer_product,
    fields=(
        TOTAL,
        TOTAL,
        Field(
            ("brand", "manufacturer", "maker"),
            copied(Draw.company),
            Phrases(
                "is made by {v}",
                "comes from {v}",
                "is a product of {v}",
                "was [built|designed|produced|developed|made] by {v}",
                "[carries|bears] the [brand|name] {v}",
                "is [sold under the name|from the house of] {v}",
            ),
            STRING,
            Phrases("Who makes {s}?", "What is the brand of {s}?"),
        ),
        Field(
            ("colour", "color"),
            picked(words.COLOURS),
            Phrases("comes in {v}", "is sold in {v}", "is available in {v}"),
            STRING,
            Phrases("What colour is {s}?", "Which colour does {s} come in?"),
        ),
        Field(
            ("colours", "colors", "available_colors"),
            lambda d: (c := d.some(words.COLOURS, 2, 4), listed(c)),
            Phrases("comes in {v}", "is sold in {v}", "is available in {v}"),
            STRINGS,
        ),
        Field(
            ("stock", "in_stock", "available_units"),
            whole(0, 900),
            Phrases(
                "has a stock of {v}",
                "is [there|in stock] {v} times",
                "has {v} [units|pieces] [in stock|on the shelf]",
                "is stocked {v} times",
                "has {v} pieces left",
            ),
            INTEGER,
            Phrases("How many pieces of {s} are left?", "What is the stock of {s}?"),
        ),
        Field(
            ("available", "is_available"),
            flag,
            {
                True: Phrases("is available", "is available now", "can be bought right away"),
                False: Phrases("is sold out", "is not available", "cannot be bought at the moment"),
            },
            BOOLEAN,
        ),
        Field(
            ("sku", "article_number", "code"),
            copied(Draw.code),
            Phrases(
                "has the article number {v}",
                "is listed as {v}",
                "carries the code {v}",
                "has the [code|number|sku] {v}",
                "is [found|stored|filed] under {v}",
            ),
            STRING,
            Phrases("What is the code of {s}?", "What is the article number of {s}?"),
        ),
        Field(
            ("rating", "stars"),
            lambda d: (r := d.number(10, 50) / 10, str(r)),
            Phrases(
                "is rated {v} out of 5",
                "has a rating of {v}",
                "scores {v} stars",
                "[got|gets|earned|received] {v} [stars|points]",
                "is rated at {v}",
            ),
            NUMBER,
            Phrases("What is the rating of {s}?", "How is {s} rated?"),
        ),
        Field(
            ("warranty_years", "warranty"),
            whole(1, 10),
            Phrases("comes with a warranty of {v} years", "has {v} years of warranty"),
            INTEGER,
        ),
        Field(
            ("size", "condition"),
            picked(("small", "medium", "large")),
            Phrases("is {v} in size", "comes in size {v}"),
            {"type": "string", "enum": ["small", "medium", "large"]},
        ),
    ),
)
