"""Word lists of the synthetic world: names, places, things.

Plain facts and common words, one tuple each. Multi-word entries are separated by commas, single words by spaces.
This module knows nothing of templates or tasks.
"""


def split_words(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


def _listed(text: str) -> tuple[str, ...]:
    return tuple(" ".join(entry.split()) for entry in text.split(",") if entry.strip())


WOMEN = split_words(
    """
    Ada Alice Amina Anna Astrid Aya Beatrice Bianca Camila Carla Carmen Chloe Clara Daria Diana
    Elena Elif Ella Emma Esther Eva Fatima Fiona Flora Freya Grace Hanna Hannah Helen Ines
    Ingrid Irene Iris Isabel Jane Jasmine Jia Joan Julia Karen Kate Keiko Laila Laura Leila Lena
    Lily Linda Lucia Lucy Maria Marie Marta Mary Maya Mei Mia Mina Mira Miriam Nadia Naomi Nina
    Nora Olga Olivia Paula Petra Priya Rachel Rita Rosa Ruth Sara Sarah Sofia Sonia Stella Susan
    Tara Teresa Tina Uma Vera Wanda Yara Yuki Zoe Zara Zainab
    """
)
MEN = split_words(
    """
    Aaron Adam Ahmed Alan Alex Ali Amir Andre Anton Arjun Arthur Ben Boris Bruno Carlos Chen
    Daniel David Dennis Diego Dmitri Edgar Emil Eric Ethan Felix Frank Fred George Hamid Hans
    Hassan Henry Hugo Ian Ibrahim Ivan Jack Jacob James Jan Javier John Jonas Jorge Jose Karl
    Kenji Kevin Kofi Kwame Lars Leo Liam Louis Lucas Luis Magnus Marco Mark Martin Mateo Max
    Michael Miguel Mohamed Nathan Nico Noah Oliver Omar Oscar Otto Pablo Paul Pedro Peter Rafael
    Ravi Robert Roman Ryan Sam Samuel Scott Simon Stefan Sven Tariq Theo Thomas Tim Tom Umar
    Victor Viktor Walter Will Yusuf Zane
    """
)
SURNAMES = split_words(
    """
    Abbott Adams Ahmad Allen Andersen Baker Barnes Becker Bell Bennett Berg Brandt Brown Bryant
    Carter Castro Chan Chavez Clark Cohen Cole Cooper Costa Cruz Dahl Davies Diaz Dixon Doyle
    Duarte Edwards Evans Farah Fischer Fisher Flores Ford Foster Fox Frank Garcia Gomez Grant
    Gray Green Gupta Haas Hall Hansen Harris Hayes Hill Hoffman Holm Hughes Hunt Ito Ivanov
    Jackson Jensen Johnson Jones Kapoor Kaya Keller Khan Kim King Klein Kowalski Kumar Lang
    Larsen Lee Lewis Lim Lopez Lovelace Lund Martin Mason Meyer Mills Mitchell Moore Morgan Mori
    Morris Moser Murphy Nakamura Nelson Nguyen Novak Okafor Olsen Ortiz Osei Owens Park Patel
    Perez Petrov Phillips Popov Price Quinn Ramos Reed Reyes Rivera Roberts Rossi Russo Sanchez
    Santos Sato Schmidt Shah Silva Singh Smith Stone Suzuki Tanaka Taylor Thomas Torres Turner
    Vargas Vega Wagner Walker Wang Ward Watson Weber West White Wilson Wolf Wong Wood Wright
    Yamada Yilmaz Young
    """
)
CITIES = _listed(
    """
    Accra, Amsterdam, Ankara, Athens, Atlanta, Auckland, Austin, Baghdad, Bangkok, Barcelona,
    Beijing, Belgrade, Bergen, Berlin, Bogota, Boston, Bristol, Brussels, Budapest, Buenos
    Aires, Cairo, Cape Town, Chicago, Copenhagen, Dakar, Dallas, Delhi, Denver, Dubai, Dublin,
    Edinburgh, Florence, Geneva, Glasgow, Hamburg, Hanoi, Havana, Helsinki, Houston, Istanbul,
    Jakarta, Karachi, Kyoto, Lagos, Leeds, Lima, Lisbon, Liverpool, London, Los Angeles, Lyon,
    Madrid, Manchester, Manila, Marseille, Melbourne, Mexico City, Miami, Milan, Montreal,
    Moscow, Mumbai, Munich, Nairobi, Naples, New York, Oslo, Ottawa, Oxford, Paris, Perth,
    Porto, Prague, Quito, Riga, Rome, San Diego, San Francisco, Santiago, Seattle, Seoul,
    Seville, Shanghai, Singapore, Sofia, Stockholm, Sydney, Taipei, Tallinn, Tokyo, Toronto,
    Tunis, Turin, Valencia, Vancouver, Venice, Vienna, Warsaw, Wellington, Zagreb, Zurich
    """
)
COUNTRIES = _listed(
    """
    Argentina, Australia, Austria, Belgium, Brazil, Canada, Chile, China, Colombia, Croatia,
    Denmark, Egypt, Finland, France, Germany, Ghana, Greece, Hungary, Iceland, India, Indonesia,
    Ireland, Italy, Japan, Kenya, Malaysia, Mexico, Morocco, Nepal, Netherlands, New Zealand,
    Nigeria, Norway, Peru, Poland, Portugal, Romania, Serbia, Singapore, South Africa, South
    Korea, Spain, Sweden, Switzerland, Thailand, Tunisia, Turkey, Uruguay, Vietnam
    """
)
NATIONALITIES = split_words(
    """
    American Australian Austrian Belgian Brazilian British Canadian Chilean Chinese Cuban Danish
    Dutch Egyptian Finnish French German Greek Hungarian Indian Irish Italian Japanese Kenyan
    Korean Mexican Nigerian Norwegian Peruvian Polish Portuguese Romanian Russian Scottish
    Spanish Swedish Swiss Thai Turkish Ukrainian Vietnamese
    """
)
LANGUAGES = split_words(
    """
    Arabic Bengali Czech Danish Dutch English Finnish French German Greek Hebrew Hindi Italian
    Japanese Korean Mandarin Norwegian Polish Portuguese Russian Spanish Swahili Swedish Thai
    Turkish Urdu Vietnamese
    """
)
JOBS = _listed(
    """
    accountant, actor, analyst, architect, artist, baker, barber, biologist, carpenter, chef,
    chemist, coach, dancer, data scientist, dentist, designer, doctor, driver, editor,
    electrician, engineer, farmer, firefighter, florist, gardener, geologist, graphic designer,
    guide, historian, journalist, judge, lawyer, lecturer, librarian, manager, mathematician,
    mechanic, midwife, musician, nurse, painter, pharmacist, photographer, physicist, pilot,
    plumber, poet, police officer, postman, product manager, professor, programmer, project
    manager, psychologist, sailor, sales manager, scientist, singer, social worker, software
    engineer, surgeon, tailor, teacher, technician, translator, truck driver, vet, waiter, web
    developer, writer
    """
)
HOBBIES = _listed(
    """
    archery, astronomy, badminton, baking, basketball, birdwatching, board games, boxing,
    camping, chess, climbing, cooking, cycling, dancing, drawing, fencing, fishing, football,
    gardening, golf, hiking, hockey, judo, juggling, karate, kayaking, knitting, meditation,
    origami, painting, photography, piano, poetry, pottery, reading, rowing, rugby, running,
    sailing, sewing, singing, skating, skiing, surfing, swimming, table tennis, tennis, theatre,
    travelling, video games, volleyball, woodwork, yoga
    """
)
SKILLS = _listed(
    """
    Python, Java, Rust, Excel, SQL, public speaking, project planning, statistics, graphic
    design, video editing, sales, bookkeeping, machine learning, negotiation, first aid,
    copywriting, drawing, welding, data analysis, web design
    """
)
GOODS = split_words(
    """
    apron backpack ball basket battery belt bench bicycle blanket blender book boot bottle bowl
    box brush bucket cable calendar camera candle cap carpet chair charger clock coat cup
    cupboard cushion desk dictionary doll drill drum fan filter flag fork frame glove guitar
    hammer hat headset helmet jacket jar kettle keyboard kite knife ladder lamp laptop lens lock
    magnet map mattress microphone mirror monitor mouse mug needle notebook oven pan pen pencil
    phone pillow plate poster printer projector puzzle racket radio router rug ruler sandal saw
    scale scarf scooter screen shelf shirt shoe shovel sofa speaker spoon stapler stool stove
    suitcase sweater table tablet tent toaster towel toy tray tripod umbrella vase violin wallet
    watch whistle
    """
)
COLOURS = split_words(
    """
    black white red blue green yellow grey brown orange purple pink silver golden beige navy
    """
)
MATERIALS = split_words(
    """
    wooden leather cotton steel plastic glass ceramic woollen bamboo paper copper small large
    """
)
ORG_WORDS = split_words(
    """
    Acorn Alder Amber Apex Arrow Atlas Aurora Beacon Birch Blue Bright Cedar Clear Cloud Comet
    Copper Coral Crown Delta Eagle Echo Ember Falcon Fern Field Forge Granite Green Harbor Hazel
    Helix Horizon Iron Ivory Juniper Lantern Lark Lunar Maple Marble Meadow Metro Nimbus North
    Nova Oak Ocean Onyx Orbit Orchid Pearl Pine Pioneer Polar Prime Quartz River Rocket Rose
    Sage Silver Solar Spark Stone Summit Swift Timber Titan Union Vector Velvet Vertex Violet
    Willow Zenith
    """
)
ORG_ENDS = split_words(
    """
    Bank Books Consulting Energy Foods Group Hotel Labs Logistics Media Motors Partners Press
    Robotics School Software Solutions Studio Systems Travel Works Health Design Insurance
    Textiles
    """
)
STREETS = split_words(
    """
    Bridge Castle Church Elm Garden Hill King Lake Market Mill Oak Park Queen River School
    Station Victoria
    """
)
STREET_ENDS = split_words("Street Road Avenue Lane Drive")
VENUES = _listed(
    """
    Town Hall, City Library, Grand Hotel, Room 4, Room 12, Conference Room B, Central Park, Main
    Auditorium, Riverside Cafe, Community Centre, Lecture Hall 3, Museum of Art, Sports Arena,
    Opera House, Garden Terrace, Meeting Room 7
    """
)
EVENT_THEMES = split_words(
    """
    Spring Summer Autumn Winter Annual Weekly Global Local Open Youth Digital Green Jazz Film
    Book Design Robotics Chess Science Startup Marketing Budget Safety Security Product Music
    Wine Garden Photo Data
    """
)
EVENT_TYPES = split_words(
    """
    Workshop Conference Meeting Festival Concert Lecture Seminar Fair Party Exhibition
    Tournament Review Dinner Summit Forum Gala Retreat Training Webinar Picnic
    """
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = split_words(
    """
    January February March April May June July August September October November December
    """
)
DOMAINS = split_words(
    """
    example.com mail.com post.org inbox.net work.io corp.com letters.eu fastmail.net uni.edu
    home.org
    """
)
TOPIC_NOUNS = {
    "sports": split_words(
        """
        match team goal coach player league final stadium champion race tournament referee
        season medal striker marathon
        """
    ),
    "politics": split_words(
        """
        election parliament minister vote president law campaign senate treaty government party
        debate reform mayor policy embassy
        """
    ),
    "technology": split_words(
        """
        software chip robot smartphone processor algorithm startup network server app database
        update laptop sensor browser code
        """
    ),
    "business": split_words(
        """
        market profit merger shares investor company revenue bank factory trade budget sales
        contract inflation stock supplier
        """
    ),
    "health": split_words(
        """
        hospital vaccine doctor patient disease diet surgery clinic virus therapy medicine nurse
        sleep symptom heart treatment
        """
    ),
    "travel": split_words(
        """
        hotel flight beach passport tourist airport cruise luggage island museum itinerary guide
        train resort visa souvenir
        """
    ),
    "food": split_words(
        """
        recipe soup chef restaurant bread cheese kitchen dessert pasta salad sauce oven spice
        dinner bakery vegetable
        """
    ),
    "weather": split_words(
        """
        storm rain snow forecast sunshine wind temperature cloud hail fog thunder heatwave frost
        drizzle flood breeze
        """
    ),
    "science": split_words(
        """
        experiment telescope atom planet fossil laboratory theory molecule galaxy physicist
        genome particle equation species microscope comet
        """
    ),
    "education": split_words(
        """
        school student exam teacher university lesson homework classroom degree curriculum
        lecture pupil campus scholarship grade textbook
        """
    ),
    "music": split_words(
        """
        concert guitar song album singer orchestra piano band melody choir drummer opera tune
        symphony violin stage
        """
    ),
    "art": split_words(
        """
        painting gallery sculpture canvas artist exhibition portrait museum brush sketch mural
        collector drawing watercolour fresco studio
        """
    ),
}
TOPICS = tuple(TOPIC_NOUNS)
# Nouns that name an attribute; two of them make up a field that no template was written for.
ATTRIBUTES = split_words(
    """
    access account amount angle area badge balance batch brand budget capacity category channel
    class code cost count course currency deadline degree depth device diameter direction
    distance duration engine factor floor frame frequency fuel gate grade group height index
    input key length letter level license limit line load location lot margin mode model module
    motor name note number output owner password path payment period phase plan platform point
    policy port position pressure process profile project protocol province queue range rank
    rate rating reference region release report room route row score season section sensor
    serial series service sign signal size source speed stage state status step stock storage
    stream supplier surface symbol team temperature term test theme ticket tier title track type
    unit usage user value vendor version voltage volume warehouse warranty weight width window
    zone
    """
)
VERBS = split_words(
    """
    activate adjust archive assign block book cancel check clean close collect copy delete
    deliver display enable fetch find install invite launch load lock mark measure merge mount
    move open order pause plan play post print publish read record remove rename repair reserve
    reset resume save scan schedule sell send set share ship show sort start stop store submit
    sync tag test track turn unlock update upload verify watch write
    """
)
CAPITALS = {
    "Argentina": "Buenos Aires",
    "Austria": "Vienna",
    "Australia": "Canberra",
    "Belgium": "Brussels",
    "Brazil": "Brasilia",
    "Canada": "Ottawa",
    "Chile": "Santiago",
    "China": "Beijing",
    "Cuba": "Havana",
    "Denmark": "Copenhagen",
    "Egypt": "Cairo",
    "England": "London",
    "Finland": "Helsinki",
    "France": "Paris",
    "Germany": "Berlin",
    "Greece": "Athens",
    "Hungary": "Budapest",
    "India": "New Delhi",
    "Ireland": "Dublin",
    "Italy": "Rome",
    "Japan": "Tokyo",
    "Kenya": "Nairobi",
    "Mexico": "Mexico City",
    "Morocco": "Rabat",
    "Norway": "Oslo",
    "Peru": "Lima",
    "Poland": "Warsaw",
    "Portugal": "Lisbon",
    "Russia": "Moscow",
    "Scotland": "Edinburgh",
    "South Korea": "Seoul",
    "Spain": "Madrid",
    "Sweden": "Stockholm",
    "Switzerland": "Bern",
    "Thailand": "Bangkok",
    "Turkey": "Ankara",
    "Ukraine": "Kyiv",
    "Vietnam": "Hanoi",
}
OPPOSITES = {
    "hot": "cold",
    "big": "small",
    "fast": "slow",
    "happy": "sad",
    "old": "young",
    "early": "late",
    "rich": "poor",
    "strong": "weak",
    "light": "dark",
    "full": "empty",
    "open": "closed",
    "high": "low",
    "hard": "soft",
    "wet": "dry",
    "clean": "dirty",
    "near": "far",
    "loud": "quiet",
    "long": "short",
    "thick": "thin",
    "wide": "narrow",
}
