# ruff: noqa: E501
"""What people say on the phone to Brightleaf Coffee, who rents coffee machines to offices.

Lines start with `A:` for the agent and `C:` for the customer. Words in braces are filled in call
by call: `agent`, `first` and `company` of the customer, `order`, `amount`, `day`, `time`, `machine`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Mood: TypeAlias = Literal["POSITIVE", "NEUTRAL", "NEGATIVE"]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One conversation and what an analyst would make of it; `score` is out of 100."""

    language: Literal["en-US", "fr-FR"]
    direction: Literal["inbound", "outbound"]
    topics: tuple[str, ...]
    tags: tuple[str, ...]
    customer: Mood
    agent: Mood
    score: int
    driver: str
    summary: str
    actions: tuple[str, ...]
    text: str

    def lines(self) -> list[tuple[bool, str]]:
        """(is it the agent?, words) in the order spoken."""
        rows = [row for row in self.text.strip().splitlines() if row]
        return [(row.startswith("A:"), row[3:]) for row in rows]


DIALOGUES = (
    Dialogue(
        "en-US",
        "inbound",
        ("refund", "damaged delivery"),
        ("refund",),
        "NEGATIVE",
        "POSITIVE",
        58,
        "The grinder arrived broken",
        "{first} from {company} received order {order} with a cracked grinder and asked for the"
        " money back. {agent} apologised, confirmed a refund of {amount} to the card used, and"
        " booked a courier to collect the machine on {day}.",
        ("Refund {amount} for order {order}", "Send the courier label for {day} by e-mail"),
        """
A: Brightleaf Coffee, {agent} speaking. How can I help?
C: Hi, it's {first} at {company}. The {machine} you sent us arrived yesterday, and the grinder is cracked right through.
A: Oh no, I'm sorry about that. Do you have the order number at hand?
C: Yes, it's {order}. We opened the box this morning and there were beans and plastic everywhere.
A: Thank you, I can see it here. I can send a replacement, or give you the money back. What suits you better?
C: To be honest, this is the second time. I'd rather have the refund.
A: I understand. That's {amount}, back to the card you paid with. It takes three to five working days.
C: Fine. And what do I do with the broken one? It's blocking half the kitchen.
A: Leave it in the box. A courier picks it up on {day}, before noon, and you don't pay anything.
C: All right. Will I get that in writing?
A: You'll have the label and a confirmation in your inbox within the hour.
C: Good, thanks.
A: Thank you for your patience, {first}, and sorry again.
""",
    ),
    Dialogue(
        "en-US",
        "inbound",
        ("technical issue", "water leak", "engineer visit"),
        ("bug_report", "follow_up"),
        "NEUTRAL",
        "POSITIVE",
        74,
        "A visit was booked on the first call",
        "The {machine} at {company} leaks under the tank. {agent} guided {first} through closing"
        " the valve and resealing the tank; the leak slowed but did not stop. An engineer comes"
        " on {day} at {time}.",
        ("Engineer visit at {company} on {day} at {time}", "Bring a spare tank seal"),
        """
A: Brightleaf support, this is {agent}. What's going on?
C: Hello, {first} here, from {company}. Our {machine} is leaking. There's a puddle on the counter every morning.
A: Thanks for calling. Is the water coming from the front, or from under the tank?
C: From under the tank, I think. It's worse after somebody refills it.
A: Then let's try one thing. Can you turn the blue valve on the left all the way to the right?
C: Hang on. Okay, done.
A: Now lift the tank, wipe the rubber ring and push it back until it clicks.
C: It clicked. It's still dripping, but a lot less than before.
A: Then the seal is worn out. I'll send an engineer. Would {day} at {time} work?
C: {day} is good. Will they need a parking space?
A: If you have one, that helps. The visit is part of your rental, so there's nothing to pay.
C: Great. Should we stop using it until then?
A: You can use it, just empty the tank at night.
C: Will do. Thanks, {agent}.
""",
    ),
    Dialogue(
        "en-US",
        "outbound",
        ("product demo", "pricing", "new customer"),
        ("new_lead", "demo_booked"),
        "POSITIVE",
        "POSITIVE",
        91,
        "The offer fitted what they needed",
        "{agent} called {first} at {company} after a request on the website. They have about forty"
        " people and use a pod machine they find expensive. A tasting with the {machine} is booked"
        " for {day} at {time}; a quote of about {amount} a month was mentioned.",
        ("Tasting at {company} on {day} at {time}", "Send the rental brochure before the tasting"),
        """
A: Hi {first}, it's {agent} from Brightleaf Coffee. You left us a message on the website. Is now a good moment?
C: Oh, hi. Yes, I have ten minutes.
A: Perfect. You wrote that you'd like to replace your machine at {company}. What are you using today?
C: One of those pod machines. We're about forty people and the pods cost us a fortune.
A: That's what we hear most. For forty people I'd look at the {machine}, which grinds fresh beans.
C: And roughly, what would that come to?
A: With beans and maintenance, around {amount} a month. No deposit, and you can stop after a year.
C: That's less than I feared. Could we taste it first?
A: Of course, we bring the machine to you. How about {day} at {time}?
C: {day} works. Our office manager should be there too.
A: Lovely. I'll send you both an invitation and a short brochure.
C: Great, looking forward to it.
A: So am I. See you on {day}!
""",
    ),
    Dialogue(
        "en-US",
        "inbound",
        ("billing", "duplicate charge"),
        ("billing",),
        "NEUTRAL",
        "POSITIVE",
        70,
        "The charge was reversed at once",
        "{first} noticed that {company} was charged {amount} twice for order {order}. {agent} found"
        " the second payment, reversed it and promised a corrected invoice by {day}.",
        ("Send a corrected invoice for order {order} by {day}",),
        """
A: Good morning, Brightleaf Coffee, {agent} speaking.
C: Morning. I do the books at {company}, my name is {first}. I think you charged us twice this month.
A: Let me look into that. Which order is it?
C: {order}. I see {amount} on the third, and the same {amount} on the fourth.
A: You're right. The first attempt was shown as failed on our side, so the system tried again.
C: Well, the money left our account both times.
A: I've just reversed the second payment. It should be back within two days.
C: Good. I also need a correct invoice, the auditors come next month.
A: You'll get it by {day} at the latest. Is the address on file still right?
C: Yes, nothing changed.
A: Then that's settled. Anything else I can do?
C: No, that was it. Thank you for being quick.
""",
    ),
    Dialogue(
        "en-US",
        "inbound",
        ("late delivery", "complaint", "escalation"),
        ("complaint", "follow_up"),
        "NEGATIVE",
        "NEUTRAL",
        34,
        "The delivery was promised three times",
        "{first} from {company} complained that order {order} is late for the third time and asked"
        " for a supervisor. {agent} could not reach one, promised a call back on {day} at {time} and"
        " a credit of {amount}.",
        ("Supervisor calls {first} back on {day} at {time}", "Credit {amount} to {company}"),
        """
A: Brightleaf Coffee, you're speaking with {agent}.
C: Finally. I've been waiting for twenty minutes. Where are our beans?
A: I'm sorry about the wait. May I have your name and the order number?
C: {first}, {company}, order {order}. It should have been here on Monday. Then Wednesday. Now it's nowhere.
A: I see it left our warehouse, and then the carrier lost track of it.
C: I don't care about the carrier. I have sixty people without coffee and I look like an idiot.
A: I understand, and you're right to be upset. I can send a new parcel by express today.
C: You said that last time. I want to speak to whoever is in charge.
A: My supervisor is in a meeting. She can call you on {day} at {time}, if that's all right.
C: It had better happen. And I expect something for the trouble.
A: I'm adding a credit of {amount} to your account, right now.
C: Fine. But if I don't hear from her, we cancel.
A: You'll hear from her. I'll make sure of it.
""",
    ),
    Dialogue(
        "en-US",
        "outbound",
        ("renewal", "upsell", "customer satisfaction"),
        ("vip",),
        "POSITIVE",
        "POSITIVE",
        95,
        "A long-standing customer feels well looked after",
        "Renewal call with {first} at {company}, a customer for three years. They renew for another"
        " year and add a second {machine} for the new floor, at {amount} a month. The contract goes"
        " out on {day}.",
        (
            "Send the contract for two machines on {day}",
            "Plan the installation on the second floor",
        ),
        """
A: Hello {first}, {agent} from Brightleaf. How is the coffee treating you?
C: Ha, very well. People would go on strike without it.
A: That's the best thing I've heard this week. Your rental runs out next month, so I wanted to catch you early.
C: We'll renew, that's an easy one. Actually, we're opening a second floor in spring.
A: Congratulations! Would you want a machine up there as well?
C: I was going to ask. Same one as downstairs, the {machine}.
A: For two machines I can do {amount} a month, beans included, and the installation is on us.
C: That's fair. Can you put it in writing?
A: You'll have the contract on {day}. And the decaf you tried in March, shall I add a kilo?
C: Please do. Two people swear by it.
A: Done. Thank you, {first}, it's a pleasure as always.
""",
    ),
    Dialogue(
        "en-US",
        "inbound",
        ("cancellation", "competitor", "pricing"),
        ("follow_up",),
        "NEUTRAL",
        "NEUTRAL",
        55,
        "A competitor is cheaper",
        "{first} wants to cancel the account of {company}, since a competitor offers a machine for"
        " less. {agent} explained the notice period and offered {amount} a month. {first} wants to"
        " think it over; call back on {day}.",
        ("Call {first} back on {day}", "Send the retention offer of {amount} a month"),
        """
A: Brightleaf Coffee, {agent} here, good afternoon.
C: Hi. I'd like to cancel my account with you. {company} is the name.
A: I can tell you that. May I ask what made you think of leaving?
C: It's nothing personal. Another supplier came by and they're cheaper.
A: I see. The notice is two months, to the end of a quarter. Do you know if their price includes maintenance?
C: I'd have to check. I believe it's extra.
A: Ours is in the rent, and so is the water filter. If it helps, I could go down to {amount} a month.
C: Hmm. That's close to what they ask.
A: Shall I send you the offer in writing, so that you can compare?
C: Yes, please. I'm not promising anything.
A: Of course not. May I ring you on {day}, to hear what you decided?
C: Sure, in the afternoon. Ask for {first}.
A: Thank you, {first}. Talk to you on {day}.
""",
    ),
    Dialogue(
        "en-US",
        "inbound",
        ("payment method", "billing"),
        ("billing",),
        "NEUTRAL",
        "POSITIVE",
        80,
        "The call was quick",
        "{first} updated the payment card of {company} after the old one expired. {agent} took the"
        " new card while the recording was paused and confirmed that the open {amount} was paid.",
        ("E-mail the receipt of {amount} to {first}",),
        """
A: Brightleaf Coffee, {agent} speaking.
C: Hello, {first} from {company}. I got a message that our payment of {amount} was declined.
A: Yes, I see it. It looks as if the card expired last month.
C: That's it, we got a new one. Can I give it to you now?
A: You can. One second, I'm pausing the recording before you read it out.
A: We're recording again. Thank you, the {amount} went through.
C: Perfect. Does it apply to the next months as well?
A: It does. I'll send you the receipt by e-mail.
C: Brilliant, thanks a lot.
A: My pleasure. Have a good day, {first}.
""",
    ),
    Dialogue(
        "fr-FR",
        "inbound",
        ("facturation", "erreur de facture"),
        ("billing",),
        "NEUTRAL",
        "POSITIVE",
        72,
        "L'erreur a été corrigée pendant l'appel",
        "{first}, de {company}, signale que la facture de la commande {order} compte deux machines au"
        " lieu d'une. {agent} a établi un avoir de {amount} et envoie la facture corrigée {day}.",
        ("Envoyer la facture corrigée de la commande {order} {day}",),
        """
A: Brightleaf Coffee, bonjour, {agent} à l'appareil.
C: Bonjour, {first}, de la société {company}. J'appelle au sujet de votre dernière facture.
A: Bien sûr. Vous avez le numéro de commande sous les yeux ?
C: Oui, c'est la {order}. Vous nous facturez deux machines alors que nous n'en louons qu'une.
A: Je regarde. En effet, la deuxième ligne n'a rien à faire là, je suis désolée.
C: Ce n'est pas dramatique, mais la comptabilité ne peut pas la payer comme ça.
A: Je comprends tout à fait. Je vous fais un avoir de {amount} tout de suite.
C: Très bien. Et la facture corrigée, nous l'aurons quand ?
A: {day} au plus tard, par courriel. C'est toujours la même adresse ?
C: Oui, toujours la même.
A: C'est noté. Je peux faire autre chose pour vous ?
C: Non, c'est parfait, merci beaucoup.
""",
    ),
    Dialogue(
        "fr-FR",
        "inbound",
        ("panne", "intervention technique"),
        ("bug_report", "follow_up"),
        "NEGATIVE",
        "POSITIVE",
        63,
        "La machine est à l'arrêt depuis deux jours",
        "La {machine} de {company} affiche une erreur de pression depuis deux jours. Le détartrage"
        " guidé par {agent} n'a rien changé. Un technicien passe {day} à {time}.",
        ("Intervention chez {company} {day} à {time}", "Prévoir une pompe de rechange"),
        """
A: Support Brightleaf, {agent}, bonjour.
C: Bonjour. {first}, chez {company}. Notre {machine} est en panne depuis deux jours, plus rien ne coule.
A: Je vois, ce n'est pas drôle. Qu'est-ce qui s'affiche à l'écran ?
C: « Erreur de pression ». On l'a éteinte et rallumée dix fois.
A: Vous avez fait le détartrage ce mois-ci ?
C: Euh, non, je crois que personne n'y a pensé.
A: On va essayer ensemble. Tenez le bouton vapeur cinq secondes, jusqu'au signal.
C: Ça clignote. Ça fait du bruit. Et… la même erreur revient.
A: Alors c'est sans doute la pompe. Je vous envoie un technicien {day} à {time}, ça ira ?
C: Pas avant ? Tout le monde me demande son café.
A: C'est le premier créneau. En attendant, je vous fais livrer du café filtre demain matin.
C: C'est gentil, merci. {day} à {time}, donc.
A: C'est noté. Bon courage d'ici là !
""",
    ),
    Dialogue(
        "fr-FR",
        "outbound",
        ("prospection", "démonstration", "tarifs"),
        ("new_lead", "demo_booked"),
        "POSITIVE",
        "POSITIVE",
        88,
        "Le prix est plus bas que prévu",
        "{agent} rappelle {first}, de {company}, après le salon. Ils sont une trentaine et achètent"
        " des capsules. Démonstration de la {machine} prévue {day} à {time} ; budget évoqué :"
        " {amount} par mois.",
        ("Démonstration chez {company} {day} à {time}", "Envoyer la plaquette et les tarifs"),
        """
A: Bonjour {first}, {agent}, de Brightleaf Coffee. On s'est croisés au salon la semaine dernière.
C: Ah oui, je me souviens, le stand qui sentait bon !
A: C'est bien nous. Vous me disiez que les capsules vous coûtaient cher chez {company}.
C: Oui, on est une trentaine, et ça finit par chiffrer. Sans parler des déchets.
A: Pour une trentaine de personnes, je vous conseillerais la {machine}, avec du café en grains.
C: Et ça coûterait combien, à peu près ?
A: Autour de {amount} par mois, café et entretien compris, sans dépôt.
C: Ah, je pensais que c'était plus cher. On peut la voir ?
A: Je vous l'apporte. {day} à {time}, ça vous irait ?
C: Parfait. Je préviens ma directrice.
A: Très bien. Je vous envoie la plaquette tout de suite, et à {day} !
C: Merci, bonne journée.
""",
    ),
    Dialogue(
        "fr-FR",
        "inbound",
        ("retard de livraison", "remboursement"),
        ("refund", "complaint"),
        "NEGATIVE",
        "NEUTRAL",
        41,
        "La livraison a dix jours de retard",
        "La commande {order} de {company} a dix jours de retard. {first} ne veut plus attendre et"
        " demande un remboursement. {agent} annule la commande et rembourse {amount}.",
        ("Annuler la commande {order}", "Rembourser {amount} à {company}"),
        """
A: Brightleaf Coffee, {agent}, bonjour, je vous écoute.
C: Bonjour. Ma commande {order} devait arriver il y a dix jours, et je n'ai toujours rien.
A: Je suis navré. Vous êtes bien {first}, de {company} ?
C: Oui. Et c'est la troisième fois que j'appelle. On me dit chaque fois « demain ».
A: Je vois que le colis est bloqué chez le transporteur. Je peux vous en renvoyer un en express.
C: Non merci, j'ai acheté du café au supermarché. Je veux être remboursé.
A: Je comprends. J'annule la commande, et je vous rembourse {amount} aujourd'hui.
C: Sous combien de temps ?
A: Trois à cinq jours ouvrés, sur la carte d'origine.
C: J'espère que cette fois ce sera tenu.
A: Vous allez recevoir la confirmation par écrit dans quelques minutes. Toutes mes excuses.
C: Bon. Au revoir.
""",
    ),
    Dialogue(
        "fr-FR",
        "outbound",
        ("suivi client", "installation"),
        ("vip",),
        "POSITIVE",
        "POSITIVE",
        93,
        "L'installation s'est très bien passée",
        "Appel de suivi chez {company} après l'installation de la {machine}. {first} est très content"
        " du technicien et commande du décaféiné. Livraison {day}.",
        ("Ajouter deux kilos de décaféiné à la livraison de {day}",),
        """
A: Bonjour {first}, c'est {agent}, de Brightleaf. Je voulais savoir si l'installation s'était bien passée.
C: Bonjour ! Oui, impeccable. Votre technicien a tout expliqué à l'équipe.
A: Ça me fait plaisir. Et la {machine}, elle vous plaît ?
C: Beaucoup. Il y a la queue devant, maintenant, mais c'est plutôt bon signe.
A: Si ça continue, il vous en faudra une deuxième !
C: On verra ça au printemps. Par contre, vous auriez du décaféiné ?
A: Bien sûr. Je vous ajoute deux kilos à la livraison de {day} ?
C: Parfait, merci.
A: C'est noté. N'hésitez pas si vous avez la moindre question.
C: Merci {agent}, bonne fin de journée.
""",
    ),
)
