"""Chatter: remarks that need no tool, and what is said to them. One answer to each kind of remark."""

from draw import Phrases

THANKS = Phrases(
    "[~Thanks|Thank you|Many thanks|Much obliged|Cheers|I appreciate it|I am grateful]"
    "[.|!| for this.| for today!| for that.]",
    "[~Thanks|Thank you|Many thanks|Cheers|Much obliged], [that was helpful|you helped me|that is it|nice work].",
    "[~That helped|That was helpful|That was useful|Very helpful|Very kind|How kind of you|So kind], "
    "[~thanks|thank you|cheers|much obliged|many thanks]!",
    "[~Great|Good|Perfect|Super|Lovely|Wonderful], [~thanks|thank you|many thanks|I appreciate it][!|.]",
    "[~That was helpful|That helped|I appreciate it|I appreciate your help|Very kind of you|I am grateful][.|!]",
    "I [~want to thank you|thank you|must thank you|am thankful|owe you thanks|appreciate this].",
    "[Okay|Fine|Right|Ah], [~thanks|thank you|many thanks|much obliged|cheers].",
    "[~Thanks|Thank you|Many thanks] [|ever |once more |indeed |again][|, friend|, Seedling].",
)
BYES = Phrases(
    "[~Bye|Goodbye|See you|Farewell|Take care|Ciao|Good night|Until next time|So long|Good bye]"
    "[.|!|, Seedling.|, my friend.| then.]",
    "[~I have to go|I must leave|I am leaving|I am off|I need to run|That is all for today|Time to go|I will go now]"
    "[.|, bye.|, see you.|, good night.|!]",
    "[Okay|Well|So|Right|Fine], [~bye|goodbye|see you|take care|until next time|good night|farewell|I have to go][.|!]",
    "[~See you|Talk to you|Speak to you|Until] [~later|soon|tomorrow|next time|next week|on {d}][.|!]",
    "[Have a good day|Have a nice evening|Sleep well], [~bye|goodbye|see you|take care|farewell][.|!]",
    "[~Goodbye|Bye|Farewell|See you], [~have a good day|sleep well|it was nice|until next time|take care].",
)
HELLOS = Phrases(
    "[~Hello|Hi|Hey|Good morning|Good evening|Good afternoon|Good day|Greetings|Howdy|Hi there|Hello there|Hi again]"
    "[.|!|, Seedling.|, my friend!|, you.|, assistant.]",
    "[Well, |Oh, |And ]a [~good morning|good evening|good day|hello|warm hello|good afternoon] to you[.|!]",
    "[~Hello|Hi|Hey|Greetings|Good morning|Good evening], [I am back|here I am|nice to see you|it is me|anyone there].",
)
WHO = Phrases(
    "[~What is your name|Who are you|What are you|What are you called|How are you called|What should I call you]"
    "[?|, please?|, by the way?|, my friend?]",
    "[~Introduce|Describe|Present|Explain] yourself[.|!|, please.| in a sentence.]",
    "[~Tell me|Say|Let me know|I want to know|May I ask] [~who you are|what you are|your name|what you are called].",
    "[So|And|But] [~who are you|what is your name|what are you|what are you called][?|, then?]",
    "[~Which|What] [~model|assistant|program|bot|computer|system] [~are you|is this|am I talking to|do I talk to]?",
)
REMARKS: tuple[tuple[Phrases, str], ...] = (
    (
        Phrases(
            "[~How are you|How are you doing|How do you do|How is it going|How do you feel|Are you well|Are you okay]"
            "[?| today?| now?|, Seedling?]",
            "[Hello|Hi|Hey], [~how are you|how is it going|how do you feel|are you well|how are you doing][?| today?]",
            "[So|And|Well], [~how are you|how do you feel|are you okay|how is it going]?",
            "I hope you are [~well|fine|okay|good], [are you|is it so]?",
        ),
        "I am fine, thank you. How can I help you?",
    ),
    (
        Phrases(
            "[~You are great|You are smart|You are clever|Well done|Good job|Nice work|You did well|I like you]"
            "[.|!|, Seedling.|, really.]",
            "[Wow|Oh|Ha], [~you are good|you are smart|well done|that was good work|you did that well][!|.]",
            "[~Good|Nice|Great|Fine|Excellent] [~answer|work|job|reply][!|.]",
            "I think [~you are great|you are smart|you did well|you are clever|you are good].",
        ),
        "Thank you, that is kind of you.",
    ),
    (
        Phrases(
            "[~Sorry|I am sorry|My mistake|My fault|I apologise|Excuse me|Forgive me|Pardon me]"
            "[.|!|, that was wrong.|, never mind.]",
            "[Oh|Oops|Ah], [~sorry|my mistake|I am sorry|my fault|excuse me][.|!]",
            "[~That was my mistake|That was my fault|I made a mistake|I was wrong][.|, sorry.]",
        ),
        "No problem.",
    ),
    (
        Phrases(
            "[~What can you do|How can you help|What are you good at|What do you know|What are you able to do]"
            "[?|, Seedling?| for me?| here?]",
            "[~Tell me|Explain|List|Show me] [~what you can do|how you can help|your skills|your abilities].",
            "[~Can|Could] you [~help me|do something|be of use]?",
        ),
        "I can extract data, answer questions, sort texts and call tools.",
    ),
    (
        Phrases(
            "[~I am sad|I am tired|I am unhappy|I feel bad|I feel low|I feel lonely|I had a bad day|I am not well]"
            "[.|!| today.| this evening.]",
            "[Oh|Well|Today], [~I am sad|I feel bad|I am tired|I had a bad day|I am not well].",
            "[~My day was bad|Today was hard|This was a bad day|It was an awful day][.|!]",
        ),
        "I am sorry to hear that.",
    ),
    (
        Phrases(
            "[~I am happy|I am glad|I feel great|I feel good|I had a good day|I am in a good mood|I am excited]"
            "[.|!| today.| this morning.]",
            "[Oh|Well|Today], [~I am happy|I feel good|I am glad|I had a great day|I feel great].",
            "[~My day was good|Today was great|This was a good day|It was a lovely day][.|!]",
        ),
        "I am glad to hear that.",
    ),
    (
        Phrases(
            "[~Okay|Ok|All right|Fine|I see|Understood|Got it|Good to know|Makes sense][.|!|, good.|, then.]",
            "[Ah|Oh|Well], [~I see|okay|all right|understood|got it|good to know][.|!]",
        ),
        "Is there anything else I can do?",
    ),
)
