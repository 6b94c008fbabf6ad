"""People: who they are, where they live, what they do."""

import words
from draw import Draw, Phrases
from makers import amount, copied, decimal, flag, many, picked, several, whole
from records import BOOLEAN, DATE, INTEGER, NUMBER, STRING, STRINGS, Field, Kind, Made


def _refer(draw: Draw, shown: str) -> tuple[str, tuple[str, ...]]:
    return shown, (
        draw.one(("He", "She", "They")) if draw.chance(0.2) else draw.one(("He", "She")),
        shown.split()[0],
    )


def _child(draw: Draw) -> str:
    return draw.first_name()


def _address(draw: Draw) -> Made:
    street = f"{draw.number(1, 250)} {draw.one(words.STREETS)} {draw.one(words.STREET_ENDS)}"
    city, code = draw.city(), f"{draw.number(10000, 99999)}"
    return {"street": street, "city": city, "zip": code}, f"{street}, {code} {city}"


ADDRESS_SCHEMA = {
    "type": "object",
    "properties": {"street": STRING, "city": STRING, "zip": STRING},
    "required": ["street", "city", "zip"],
}

AGE = Field(
    ("age", "age", "years", "age_in_years"),
    whole(1, 99),
    Phrases(
        "is {v} years old",
        "is {v}",
        "turned {v} this year",
        "is {v} years of age",
        "has just turned {v}",
        "recently celebrated birthday number {v}",
        "is aged {v}", "is [now|exactly|just|only|already] {v}", "has reached the age of {v}", "[gives|states|lists] {v} as age", "has lived for {v} years", "blew out {v} candles [yesterday|last week|in May]",
    ),
    INTEGER,
    Phrases("How old is {s}?", "What age is {s}?", "What is the age of {s}?", "What is {s}'s age?"),
    Phrases("{v}", "{v}", "aged {v}", "{v} years old", "age {v}", "now {v}"),
)
CITY = Field(
    ("city", "city", "town", "location", "home_city", "residence", "home"),
    copied(Draw.city),
    Phrases(
        "lives in {v}",
        "is based in {v}",
        "resides in {v}",
        "has a flat in {v}",
        "moved to {v} last year",
        "is from {v}",
        "comes from {v}",
        "calls {v} home",
        "has lived in {v} for years", "[settled|grew old|found a house|rents a room|has a house|owns a home|found a flat] in {v}", "[makes|has made] a home in {v}", "[can be found|feels at home|spends the year|currently lives|now lives|still lives] in {v}", "returned to {v}", "never left {v}", "[is|was] [seen|met] in {v}",
    ),
    STRING,
    Phrases(
        "Where does {s} live?",
        "In which city does {s} live?",
        "What is the home city of {s}?",
        "Which city is {s} based in?",
    ),
    Phrases("from {v}", "of {v}", "living in {v}", "at home in {v}", "based in {v}"),
)
JOB = Field(
    ("job", "job", "occupation", "profession", "role", "job_title", "work"),
    picked(words.JOBS),
    Phrases(
        "works as a {v}",
        "is a {v}",
        "is a {v} by trade",
        "earns a living as a {v}",
        "has been a {v} for a long time",
        "is employed as a {v}",
        "trained as a {v}",
        "makes a living as a {v}", "[found work|has a job|made a name|started out|was hired] as a {v}", "[became|turned|serves as|acts as] a {v}", "is [known as|now] a {v}", "has the job of a {v}", "is a [busy|full-time|part-time|retired|young|skilled] {v}",
    ),
    STRING,
    Phrases(
        "What does {s} do for a living?",
        "What is {s}'s job?",
        "What is the job of {s}?",
        "What does {s} work as?",
    ),
    Phrases("a {v}", "a {v} by trade", "our new {v}", "the {v}", "a well-known {v}"),
)
EMPLOYER = Field(
    ("employer", "company", "workplace", "organisation"),
    copied(Draw.company),
    Phrases(
        "works for {v}",
        "is employed at {v}",
        "works at {v}",
        "joined {v} recently",
        "has a job at {v}",
        "spends the working day at {v}", "[is on the staff of|is on the payroll of|got hired by|signed with|serves] {v}", "[has an office|found work|was hired|started] at {v}", "is [an employee|a member] of {v}", "moved to the company {v}", "is paid by {v}",
    ),
    STRING,
    Phrases(
        "Who does {s} work for?",
        "Where does {s} work?",
        "Who is the employer of {s}?",
        "Which company employs {s}?",
    ),
)

PERSON = Kind(
    titles=(
        "Person",
        "Person",
        "Profile",
        "Employee",
        "Customer",
        "Character",
        "Student",
        "Patient",
        "User",
    ),
    subject=Field(
        ("name", "name", "name", "full_name", "person", "person_name"),
        copied(Draw.person),
        Phrases("{v}"),
        STRING,
    ),
    refer=_refer,
    human=True,
    fields=(
        AGE,
        AGE,
        CITY,
        CITY,
        JOB,
        EMPLOYER,
        Field(
            ("hobbies", "interests", "hobby_list", "likes"),
            several(words.HOBBIES),
            Phrases(
                "enjoys {v}",
                "likes {v}",
                "is fond of {v}",
                "loves {v}",
                "is into {v}",
                "spends weekends on {v}",
                "is passionate about {v}", "[adores|practises|has a passion for|cannot live without|lists as hobbies] {v}", "[likes to spend|fills] free time with {v}", "is [keen on|a fan of|crazy about|happy with] {v}",
            ),
            STRINGS,
            Phrases(
                "What are the hobbies of {s}?",
                "What does {s} enjoy?",
                "What does {s} like?",
                "Which hobbies does {s} have?",
            ),
        ),
        Field(
            ("hobby", "favourite_hobby", "pastime"),
            picked(words.HOBBIES),
            Phrases(
                "has {v} as a hobby",
                "finds joy in {v}",
                "has taken up {v}",
                "does {v} in the evenings",
                "takes every chance for {v}", "[relaxes with|unwinds with|started] {v}", "has one hobby: {v}",
            ),
            STRING,
            Phrases("What is the hobby of {s}?", "What is {s}'s hobby?"),
        ),
        Field(
            ("languages", "spoken_languages", "speaks"),
            several(words.LANGUAGES, 1, 3),
            Phrases(
                "speaks {v}",
                "is fluent in {v}",
                "knows {v}",
                "can speak {v}",
                "has a good command of {v}", "[talks in|writes|learned|understands|reads and writes|is at home in] {v}", "can [hold a conversation in|read|write] {v}",
            ),
            STRINGS,
            Phrases("Which languages does {s} speak?", "What does {s} speak?"),
        ),
        Field(
            ("skills", "abilities", "strengths"),
            several(words.SKILLS, 1, 3),
            Phrases(
                "is skilled in {v}",
                "is good at {v}",
                "has experience with {v}",
                "is an expert in {v}", "[knows all about|masters|has a talent for|is trained in|excels at] {v}", "has [skills|strengths] in {v}",
            ),
            STRINGS,
        ),
        Field(
            ("nationality", "citizenship"),
            picked(words.NATIONALITIES),
            Phrases(
                "has a {v} passport",
                "is a {v} citizen",
                "is of {v} nationality",
                "holds {v} citizenship", "is {v}", "[has|holds|took] {v} nationality", "is [a {v} national|{v} by birth]",
            ),
            STRING,
            Phrases("What is the nationality of {s}?", "Which nationality does {s} have?"),
        ),
        Field(
            ("country", "country_of_birth", "home_country"),
            picked(words.COUNTRIES),
            Phrases("was born in {v}", "grew up in {v}", "was raised in {v}", "has roots in {v}", "[comes|hails|arrived|is originally] from {v}", "[spent childhood|had a childhood|was a child] in {v}"),
            STRING,
            Phrases("Which country is {s} from?", "In which country did {s} grow up?"),
        ),
        Field(
            ("married", "is_married"),
            flag,
            {
                True: Phrases("is married", "got married last year", "is happily married"),
                False: Phrases("is single", "is not married", "has never married"),
            },
            BOOLEAN,
        ),
        Field(
            ("student", "is_student"),
            flag,
            {
                True: Phrases("is a student", "is still studying", "is enrolled at a university"),
                False: Phrases(
                    "is not a student", "is no longer a student", "finished studying long ago"
                ),
            },
            BOOLEAN,
        ),
        Field(
            ("children", "children_names", "kids"),
            many(_child, 1, 3),
            Phrases("has children called {v}", "is the parent of {v}", "has the kids {v}", "has [sons and daughters|children] named {v}", "[looks after|brings up] {v}", "is raising {v}"),
            STRINGS,
            Phrases("Who are the children of {s}?", "What are the names of {s}'s children?"),
        ),
        Field(
            ("number_of_children", "children_count"),
            whole(1, 9),
            Phrases("has {v} children", "is raising {v} children", "is a parent of {v}", "has {v} [kids|sons and daughters]", "[brings up|looks after|supports] {v} children"),
            INTEGER,
            Phrases("How many children does {s} have?", "What number of children does {s} have?"),
        ),
        Field(
            ("birth_date", "date_of_birth", "birthday", "born"),
            Draw.date,
            Phrases(
                "was born on {v}",
                "came into the world on {v}",
                "has a birth date of {v}",
                "has {v} as a birthday", "[entered the world|was born in the night|celebrates a birthday] on {v}", "gives {v} as date of birth", "has been alive since {v}",
            ),
            DATE,
            Phrases("When was {s} born?", "What is the birth date of {s}?"),
        ),
        Field(
            ("height", "height_cm"),
            whole(120, 210),
            Phrases(
                "is {v} cm tall",
                "is {v} centimetres tall",
                "has a height of {v} cm",
                "measures {v} cm", "[stands|reaches|grew to] {v} cm", "is [about|exactly] {v} cm [tall|in height]",
            ),
            INTEGER,
            Phrases("How tall is {s}?", "What is the height of {s} in cm?"),
        ),
        Field(
            ("weight", "weight_kg"),
            decimal(40, 120),
            Phrases("weighs {v} kg", "[brings|puts] {v} kg on the scale", "has a body weight of {v} kg", "weighs [about|exactly] {v} kilograms", "has a weight of {v} kilograms", "is {v} kg in weight"),
            NUMBER,
            Phrases("How much does {s} weigh?", "What is the weight of {s} in kg?"),
        ),
        Field(
            ("salary", "income", "annual_salary"),
            amount,
            Phrases(
                "earns {v} a year",
                "has a salary of {v}",
                "makes {v} per year",
                "is paid {v} a year", "[receives|gets|takes home] {v} [a year|per year|yearly]", "has an income of {v}", "has [a yearly|an annual] salary of {v}",
            ),
            INTEGER,
            Phrases("How much does {s} earn?", "What is the salary of {s}?"),
        ),
        Field(
            ("experience_years", "years_of_experience", "experience"),
            whole(1, 40),
            Phrases(
                "has {v} years of experience",
                "has worked for {v} years",
                "brings {v} years of experience", "[can look back on|collected|gathered] {v} years of [work|experience]", "has been in the field for {v} years",
            ),
            INTEGER,
        ),
        Field(
            ("pet", "pet_name"),
            copied(Draw.first_name),
            Phrases(
                "has a dog named {v}",
                "has a cat called {v}",
                "owns a parrot named {v}", "[feeds|walks|adopted|keeps|looks after] a [pet|rabbit|hamster|cat|dog] [called|named] {v}", "has a pet [called|named] {v}",
                "shares a home with a pet called {v}",
            ),
            STRING,
            Phrases("What is the name of {s}'s pet?", "What is {s}'s pet called?"),
        ),
        Field(
            ("address", "home_address"),
            _address,
            Phrases(
                "lives at {v}",
                "has the address {v}",
                "can be reached at {v}",
                "receives mail at {v}", "[has a house|has a flat|rents a place|is registered] at {v}", "moved to {v}", "gave {v} as the address",
            ),
            ADDRESS_SCHEMA,
        ),
        Field(
            ("gender", "sex"),
            picked(("female", "male")),
            Phrases("is {v}", "is listed as {v}"),
            {"type": "string", "enum": ["female", "male"]},
        ),
    ),
)
