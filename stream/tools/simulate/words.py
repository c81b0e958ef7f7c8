"""Vocabularies of the simulated world: subjects of requests and invented names.

The words are the simulator's own; no text of any data set is in here.
"""

from __future__ import annotations

from typing import NamedTuple


class Subject(NamedTuple):
    """What one field of life or work talks about."""

    name: str
    things: tuple[str, ...]
    acts: tuple[str, ...]
    kinds: tuple[str, ...]


def _subject(name: str, things: str, acts: str, kinds: str) -> Subject:
    return Subject(name, tuple(things.split()), tuple(acts.split()), tuple(kinds.split()))


SUBJECTS = (
    _subject(
        "cooking",
        "risotto stew sourdough marinade custard dumplings lentils broth skillet oven garlic "
        "casserole pastry vinaigrette pickles tofu salmon mushrooms saffron polenta crust "
        "batter gravy brisket chutney noodles omelette pesto icing yeast",
        "simmer whisk roast freeze substitute season proof glaze thicken reheat plate braise",
        "vegan crispy leftover spicy gluten-free creamy smoky overcooked seasonal cheap",
    ),
    _subject(
        "travel",
        "itinerary hostel ferry visa airport museum trail luggage campsite passport tram "
        "harbour island guidebook layover border monastery vineyard rental insurance market "
        "beach glacier festival castle sleeper-train suitcase lagoon embassy viewpoint",
        "book visit reach cross plan skip combine pack cancel extend compare explore",
        "remote overnight family-friendly crowded scenic direct affordable rainy northern walkable",
    ),
    _subject(
        "law",
        "lease clause tenant deposit contract warranty liability notice trademark invoice "
        "deadline witness settlement licence easement arbitration will inheritance custody "
        "permit appeal penalty indemnity partnership dismissal statute consent affidavit "
        "retainer mediation",
        "terminate sign dispute draft enforce review file waive renew contest notarise amend",
        "binding verbal unpaid overdue commercial residential mutual expired written standard",
    ),
    _subject(
        "software",
        "parser queue migration endpoint cache thread socket schema index container scheduler "
        "router middleware decorator iterator webhook pipeline linter mutex cursor payload "
        "regex checksum namespace transaction buffer registry tokenizer shard fixture",
        "refactor debug deploy profile mock serialise vectorise compile paginate retry lint stub",
        "flaky asynchronous nested deprecated idempotent thread-safe slow recursive typed legacy",
    ),
    _subject(
        "statistics",
        "regression variance histogram covariate outlier sample prior residual quantile "
        "bootstrap dataframe cluster confounder p-value likelihood interval sensor survey panel "
        "forecast seasonality imputation classifier threshold precision calibration kernel "
        "hazard odds lag",
        "estimate plot normalise merge impute resample standardise fit test weigh filter bin",
        "skewed censored longitudinal noisy missing correlated bimodal weighted robust sparse",
    ),
    _subject(
        "health",
        "sleep knee posture protein migraine stretching allergy vitamins shoulder hydration "
        "jogging stress bloodwork iron digestion asthma eczema recovery breathing caffeine "
        "ankle screening cholesterol dentist tendon fibre heartburn cough glucose rehab",
        "reduce track improve strengthen avoid schedule treat prevent measure ease monitor manage",
        "chronic mild persistent seasonal sore daily low-impact inflamed gentle recurring",
    ),
    _subject(
        "finance",
        "mortgage budget pension dividend ledger refinancing invoice payroll index-fund escrow "
        "depreciation bond cashflow deduction receipt surcharge annuity overdraft audit hedge "
        "portfolio subsidy premium collateral fee rebate salary bonus loan savings",
        "amortise compare reconcile deduct project consolidate report rebalance finance cap claim",
        "fixed quarterly taxable monthly variable deferred gross tax-free recurring conservative",
    ),
    _subject(
        "gardening",
        "tomatoes compost hedge raised-bed seedlings pruning aphids lawn mulch trellis orchid "
        "soil greenhouse rosemary bulbs irrigation slugs peppers fern cuttings fertiliser fig "
        "strawberry drainage ivy perennials potting-mix dahlia kale woodchips",
        "prune water repot sow graft harvest fertilise transplant shade thin stake overwinter",
        "yellowing shady potted native drought-proof leggy frost-hardy climbing compact clay",
    ),
    _subject(
        "marketing",
        "newsletter slogan campaign audience headline landing-page persona webinar tagline "
        "leads brochure influencer brand podcast testimonial funnel launch discount storefront "
        "press-kit banner referral subject-line booth teaser hashtag giveaway catalogue pitch "
        "survey",
        "promote announce position segment rewrite pitch target schedule localise rebrand upsell",
        "playful quarterly minimalist b2b viral premium seasonal organic persuasive niche",
    ),
    _subject(
        "history",
        "treaty dynasty revolt railway guild plague senate expedition canal empire manuscript "
        "siege parliament monastery colony tariff famine archive fortress abolition republic "
        "coin navigator textile alliance census exile monument suffrage printing-press",
        "compare explain date summarise trace interpret contrast map question retell place judge",
        "medieval colonial industrial disputed maritime forgotten imperial early feudal modern",
    ),
    _subject(
        "physics",
        "pendulum lens circuit momentum entropy orbit photon capacitor friction wavelength "
        "torque isotope plasma diffraction coil thermostat laser vacuum viscosity resonance "
        "turbine spectrum magnet inertia prism battery gradient pressure pulley semiconductor",
        "derive calculate estimate measure sketch verify approximate integrate balance simulate",
        "rotating charged adiabatic damped ideal superconducting relativistic coupled thin steady",
    ),
    _subject(
        "parenting",
        "toddler bedtime homework screen-time tantrum nursery allowance playdate reading "
        "siblings potty lunchbox birthday stroller grandparents chores daycare bullying bicycle "
        "pocket-money vaccination school-trip puzzle babysitter crib piano bath routine "
        "nightmares puppy",
        "encourage calm organise negotiate limit introduce praise supervise celebrate discuss ease",
        "picky shy energetic teething anxious bilingual teenage curious stubborn rainy-day",
    ),
    _subject(
        "writing",
        "sonnet chapter protagonist dialogue essay villain synopsis metaphor stanza memoir "
        "outline cover-letter speech eulogy screenplay narrator prologue limerick abstract "
        "blurb setting thesis cliffhanger toast subplot monologue epigraph caption fable draft",
        "rewrite shorten outline polish critique continue rhyme paraphrase punctuate open end "
        "title",
        "melancholic witty formal unreliable suspenseful heartfelt gothic concise lyrical humorous",
    ),
    _subject(
        "machines",
        "gearbox compressor valve bearing conveyor thermocouple pump actuator gasket flange "
        "chiller forklift relay encoder nozzle furnace lathe sprocket inverter manifold boiler "
        "hoist piston coupling extruder robot-arm crane filter rotor solenoid",
        "lubricate replace calibrate inspect align commission overhaul torque bleed diagnose "
        "rewire",
        "vibrating hydraulic worn pneumatic overheating stainless leaking refurbished spare noisy",
    ),
    _subject(
        "languages",
        "verb accent idiom vocabulary tense pronoun flashcards subtitle dialect gender cases "
        "pronunciation proverb greeting alphabet textbook particle adjective tutor syllable "
        "conjugation slang letter stress tone article plural exam translation phrasebook",
        "translate memorise conjugate pronounce practise correct decline explain transcribe spell",
        "irregular formal silent colloquial nasal polite archaic false-friend reflexive regional",
    ),
    _subject(
        "music",
        "chord melody drummer bassline ukulele synth choir tempo setlist reverb guitar harmony "
        "mixing cello riff metronome lyrics microphone bridge arpeggio vinyl encore trumpet "
        "sight-reading scale rehearsal fingering waltz chorus sampler",
        "transpose tune record practise arrange strum master compose harmonise loop improvise mix",
        "minor syncopated acoustic distorted upbeat detuned pentatonic slow live baroque",
    ),
)

_CITIES = (
    "Lisbon Osaka Tbilisi Oslo Quito Accra Hanoi Turin Perth Leeds Tampa Cork Pune Lyon Busan "
    "Split Graz Lima Porto Ghent Malmo Izmir Davao Recife Bergen Nantes Dundee Boise Cebu Varna"
)
PLACES = tuple(_CITIES.split())
MOODS = (
    "stuck again", "rather urgent", "no rush", "opinions differ", "tried twice", "simple please",
    "first attempt", "advice failed", "small budget", "asking around", "due tonight",
    "honestly confused", "money is tight", "boss asked", "fine until now", "short on time",
)  # fmt: skip

_ONSETS = (
    *"bcdfghjklmnprstvwz",
    *("br", "ch", "dr", "fl", "gr", "kl", "pr", "qu", "sh", "st", "tr"),
)
_VOWELS = (*"aeiou", "ai", "ea", "io", "ou")
_CODAS = (*"lmnrstx", "nd", "rk", "")
SYLLABLES = tuple(o + v + c for o in _ONSETS for v in _VOWELS for c in _CODAS)
"""About 2,600 syllables: two of them make some seven million names."""
