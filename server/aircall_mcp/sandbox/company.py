"""Who Brightleaf Coffee is: the invented people, firms and texts of the data set."""

USERS = (
    ("Ana", "Duarte", "Europe/Lisbon", "en-GB", 15),
    ("Paul", "Martin", "Europe/Paris", "fr-FR", 10),
    ("Nora", "Klein", "Europe/Berlin", "de-DE", 0),
    ("James", "Whitfield", "Europe/London", "en-GB", 30),
    ("Maya", "Brooks", "America/New_York", "en-US", 0),
    ("Luca", "Ferri", "Europe/Paris", "fr-FR", 0),
    ("Robin", "Ellis", "America/Chicago", "en-US", 0),
    ("user_42", "", "America/Chicago", "en-US", 0),
)
ANA, PAUL, NORA, JAMES, MAYA, LUCA, ROBIN, USER_42 = range(8)
ME = 1204417
"""The id of Robin Ellis, who is `me` in the sandbox that is built in: nobody can say who they are
there, and a first call needs somebody who places it."""
ADDRESSES = {ROBIN: "rep@example.com", USER_42: "user_42@example.com"}
TEAMS = (
    ("Sales", (MAYA, JAMES, PAUL, ROBIN)),
    ("Support", (ANA, NORA, LUCA, USER_42)),
    ("Customer Success", (ANA, PAUL)),
)
# name, digits, country, zone, hours east of UTC, who answers, share of the calls
NUMBERS = (
    ("Paris Sales", "+33199001001", "FR", "Europe/Paris", 1, (PAUL, ANA, LUCA), 34),
    ("New York Sales", "+12125550100", "US", "America/New_York", -5, (MAYA, JAMES, ANA), 28),
    ("London Support", "+442079460100", "GB", "Europe/London", 0, (ANA, JAMES, MAYA), 28),
    ("Berlin Support", "+493023125100", "DE", "Europe/Berlin", 1, (NORA, LUCA, ANA), 10),
    ("num_555", "+13125550155", "US", "America/Chicago", -6, (ROBIN, USER_42), 6),
)
PARIS, NEW_YORK, LONDON, BERLIN, NUM_555 = range(5)
# Yesterday on num_555, all of it user_42's: minutes of the day there, which way, what was said (see
# `chosen`). The last of them is about leaving.
TAKEN_YESTERDAY = ((615, "inbound", 2), (820, "outbound", 1), (980, "inbound", 4))
# The last half hour: minutes ago, which way, on which line, who spoke. All of it is transcribed.
TAKEN_LATELY = (
    (28, "inbound", PARIS, PAUL),
    (21, "outbound", NEW_YORK, MAYA),
    (16, "inbound", PARIS, ANA),
    (12, "inbound", NUM_555, ROBIN),
    (7, "inbound", LONDON, ANA),
)
# Nobody has called these back: minutes ago, on which line, reason, seconds of voicemail.
MISSED_LATELY = (
    (25, NEW_YORK, "agents_did_not_answer", 0),
    (18, LONDON, "no_available_agent", 31),
    (10, PARIS, "agents_did_not_answer", 0),
)
TAGS = (
    ("follow_up", "#0066CC", "Somebody has to get back to them"),
    ("refund", "#CC3300", "Money went back, or has to"),
    ("new_lead", "#009966", "First contact with a prospect"),
    ("demo_booked", "#33AA33", "A tasting is in the calendar"),
    ("complaint", "#990000", None),
    ("billing", "#996600", "Invoices and payments"),
    ("bug_report", "#663399", "A machine does not do what it should"),
    ("vip", "#CC9900", "Handle with care"),
)
NAMES = {
    "FR": (
        "Camille Louise Hugo Chloé Lucas Manon Antoine Inès Théo Sarah Julien Élodie Karim Sophie",
        "Bernard Petit Moreau Lefèvre Garnier Chevalier Roux Fontaine Lambert Mercier Haddad",
    ),
    "US": (
        "Emily Marcus Olivia Ethan Priya Daniel Grace Carlos Hannah Tyrone Megan Wei Rachel Omar",
        "Carter Nguyen Reyes Sullivan Patel Brooks Hayes Kim Foster Morales Bennett Jordan",
    ),
    "GB": (
        "Oliver Amelia Harry Isla George Freya Callum Zara Rhys Poppy Alistair Niamh Jamal Edith",
        "Hughes Ashworth Bailey Clarke O'Connor Fletcher Iqbal Pritchard Marsh Sinclair Webb Dunn",
    ),
    "DE": (
        "Jonas Lena Felix Mia Leon Hanna Moritz Emma Deniz Greta Tobias Klara Emre Paula",
        "Schneider Fischer Weber Wagner Hoffmann Schäfer Koch Richter Öztürk Neumann Braun Vogel",
    ),
}
FIRMS = (
    "Harbour Books",
    "Atelier Lumen",
    "Nordwind Logistik",
    "Maple & Stone",
    "Clinique des Tilleuls",
    "Fenwick Legal",
    "Studio Marelle",
    "Oakridge Dental",
    "Kanzlei Sommer",
    "Bluebird Travel",
    "Librairie du Canal",
    "Pine Street Labs",
    "Verger & Fils",
    "Thames Yard Studios",
    "Brückner Architekten",
    "Sunny Side Schools",
    "Maison Corbière",
    "Larch Insurance",
    "Kestrel Robotics",
    "Ferme des Ormes",
    "Westgate Gym",
    "Papeterie Colibri",
    "Hollow Tree Media",
    "Rheinufer Hotel",
    "Copperfield Partners",
    "Lemon Grove Realty",
    "Sillage Parfums",
    "Granite Software",
)
NOTES = (
    "Prefers to be called in the morning",
    "Met at the trade fair",
    "Rents two machines since 2024",
    "Accounts department",
    "CRM 20417",
)
COMMENTS = (
    "Left a message, will try again tomorrow.",
    "Wants the quote with and without beans.",
    "Asked for the decaf, passed on to logistics.",
    "Very friendly, mention the second floor next time.",
    "Line was bad, call back on the mobile.",
    "Contract signed, welcome mail sent.",
    "Does not want to be called before ten.",
)
AREAS = ("212", "646", "415", "312", "617", "206", "303", "512", "404", "305", "213", "702")
# share, reason, seconds at least and at most, may a voicemail follow
MISSED = (
    (24, "agents_did_not_answer", 25, 60, True),
    (18, "no_available_agent", 15, 45, True),
    (22, "abandoned_in_classic", 8, 40, False),
    (20, "short_abandoned", 2, 6, False),
    (16, "abandoned_in_ivr", 6, 30, False),
)


SMS_TEMPLATES = (
    ("order_shipped", "Your order is on its way and arrives within two days."),
    (
        "visit_reminder",
        "Our engineer visits you tomorrow. Please keep the machine within reach.",
    ),
    ("missed_you", "Sorry we missed your call. When may we ring you back?"),
    ("invoice_ready", "Your invoice is ready: you find it in your customer area."),
    ("rappel_livraison", "Bonjour, votre café arrive demain avant midi."),
    ("merci", "Merci de votre appel, nous revenons vers vous très vite."),
)
# uuid, name, where it leads on the company's host, events
WEBHOOKS = (
    (
        "6d0f4f0e-5c0b-4b0e-9a55-2f7f1f6a8c31",
        "CRM",
        "crm",
        ("call.created", "call.ended", "contact.created"),
    ),
    (
        "1b7e4c52-90c3-4f6d-8a1e-3d5f60b2a9e4",
        "Texts",
        "messages",
        ("message.received", "message.status_updated"),
    ),
)
WRITER = "+14155550143"  # a contact who wrote by WhatsApp within the day
CAMPAIGN = "0199fb20-4c1e-7a52-9a77-3b6f0a4d1c88"
EXPORT = "2f1c9b5e-84d7-4f0e-9c7b-6f3a0d1b7e45"
# name, category, status, language
WHATSAPP_TEMPLATES = (
    ("order_confirmation", "UTILITY", "APPROVED", "en"),
    ("confirmation_commande", "UTILITY", "APPROVED", "fr"),
    ("delivery_update", "UTILITY", "APPROVED", "en"),
    ("rappel_visite", "UTILITY", "APPROVED", "fr"),
    ("spring_offer", "MARKETING", "APPROVED", "en"),
    ("offre_printemps", "MARKETING", "PENDING", "fr"),
    ("win_back", "MARKETING", "REJECTED", "en"),
    ("login_code", "AUTHENTICATION", "APPROVED", "en"),
    ("rebook_visit", "UTILITY", "APPROVED", "en"),
    ("facture_disponible", "UTILITY", "APPROVED", "fr"),
    ("thank_you", "MARKETING", "APPROVED", "en"),
    ("invitation_degustation", "MARKETING", "APPROVED", "fr"),
)
