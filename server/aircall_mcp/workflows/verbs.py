"""Verbs of languages other than English whose forms follow no rule: kam is kommen, reçu is
recevoir. And the nouns that are made of verbs, which are words of their own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

_IRREGULAR = {
    "de": """
    sein bin bist ist sind seid war warst waren gewesen sei ware waren; haben habe hast hat habt
    hatte hatten gehabt; werden wird wirst wurde wurden geworden worden; konnen kann kannst
    konnt konnte konnten gekonnt; mussen muss musst musste mussten gemusst; wollen will willst
    wollt wollte wollten gewollt; sollen soll sollst sollte sollten; durfen darf darfst durfte
    durften; mogen mag magst mochte mochten; wissen weiss weisst wusste wussten gewusst; gehen
    geh ging gingen gegangen; kommen komm kam kamen gekommen; geben gib gibt gab gaben gegeben;
    nehmen nimm nimmt nahm nahmen genommen; rufen ruf rief riefen gerufen; schreiben schreib
    schrieb schrieben geschrieben; schieben schieb schob schoben geschoben; sprechen sprich
    spricht sprach sprachen gesprochen; sehen sieh sieht sah sahen gesehen; finden find fand
    fanden gefunden; binden band banden gebunden; bleiben blieb blieben geblieben; bringen
    brachte brachten gebracht; denken dachte dachten gedacht; kennen kannte kannten gekannt;
    nennen nannte nannten genannt; senden sandte sandten gesandt; wenden wandte wandten gewandt;
    halten halt hielt hielten gehalten; lassen lass lasst liess liessen gelassen; laufen lauft
    lief liefen gelaufen; lesen lies liest las lasen gelesen; liegen lag lagen gelegen; stehen
    steh stand standen gestanden; fahren fahrt fuhr fuhren gefahren; tragen tragt trug trugen
    getragen; schlagen schlagt schlug schlugen geschlagen; fallen fallt fiel fielen gefallen;
    fangen fangt fing fingen gefangen; helfen hilf hilft half halfen geholfen; treffen triff
    trifft traf trafen getroffen; brechen brich bricht brach brachen gebrochen; verlieren verlor
    verloren; bieten bot boten geboten; ziehen zieh zog zogen gezogen; fliegen flog flogen
    geflogen; schliessen schloss schlossen geschlossen; giessen goss gegossen; steigen stieg
    stiegen gestiegen; leihen lieh liehen geliehen; scheinen schien schienen geschienen;
    schneiden schnitt schnitten geschnitten; streiten stritt stritten gestritten; weisen wies
    wiesen gewiesen; beginnen begann begannen begonnen; gewinnen gewann gewonnen; schwimmen
    schwamm geschwommen; singen sang gesungen; sitzen sass sassen gesessen; essen iss isst ass
    assen gegessen; trinken trank tranken getrunken; messen misst mass gemessen; vergessen
    vergiss vergisst vergass vergassen; werfen wirf wirft warf warfen geworfen; sterben stirbt
    starb gestorben; tun tue tut tat taten getan; trugen trog betrogen; bitten bat baten
    gebeten; laden ladt lud luden geladen; raten rat riet rieten geraten; schlafen schlaft
    schlief schliefen geschlafen; waschen wascht wusch gewaschen; wachsen wachst wuchs
    gewachsen; heben hob hoben gehoben; stossen stosst stiess gestossen; heissen hiess
    geheissen; treten tritt trat traten getreten; gelten gilt galt gegolten; empfehlen empfiehl
    empfiehlt empfahl empfohlen; befehlen befahl befohlen; stehlen stiehlt stahl gestohlen;
    gefallen gefiel; schweigen schwieg geschwiegen; sinken sank gesunken; springen sprang
    gesprungen; zwingen zwang gezwungen; klingen klang geklungen; unterbrechen unterbricht
    unterbrach unterbrochen; schaffen schuf geschaffen; brennen brannte gebrannt; rennen rannte
    gerannt; frieren fror gefroren; lugen log gelogen; biegen bog gebogen; wiegen wog gewogen
    """,
    "fr": """
    etre suis es est sommes etes sont etais etait etaient etions ete serai sera serait seraient
    soit sois fut; avoir ai as a avons avez ont avais avait avaient avions eu eue aurai aura
    aurez aurait aurais ait aient; aller vais vas va allons allez vont allais allait alle allee
    alles irai ira irez irait aille; faire fais fait faisons faites font faisais faisait faite
    faits ferai fera ferez ferait fasse; pouvoir peux peut pouvons pouvez peuvent pouvais
    pouvait pu pourrai pourra pourrez pourrais pourrait puisse; vouloir veux veut voulons voulez
    veulent voulais voulait voulu voudrai voudra voudrais voudrait veuillez veuille; devoir dois
    doit devons devez doivent devais devait du due devrai devra devrez devrais devrait doive;
    savoir sais sait savons savez savent savais savait su saurai saura sache; voir vois voit
    voyons voyez voient voyais voyait vu vue vus vues verrai verra verrez voie; dire dis dit
    disons dites disent disais disait dite dirai dira direz dise; prendre prends prend prenons
    prenez prennent prenais prenait pris prise prises prendrai prendra prenne; mettre mets met
    mettons mettez mettent mettais mettait mis mise mises mettrai mettra mette; venir viens
    vient venons venez viennent venais venait venu venue venus viendrai viendra vienne; tenir
    tiens tient tenons tenez tiennent tenais tenait tenu tenue tiendrai tiendra tienne; recevoir
    recois recoit recevons recevez recoivent recevais recevait recu recue recus recues recevrai
    recevra recevrez recevrais recevrait recoive; payer paye payes paie paies paient payons
    payez payent payais payait payaient paye payee payes payees paierai paiera paierez payerai;
    envoyer envoie envoies envoient envoyons envoyez envoyais envoyait envoye envoyee enverrai
    enverra enverrez enverrais; ecrire ecris ecrit ecrivons ecrivez ecrivent ecrivais ecrivait
    ecrite ecrits ecrirai ecrira; lire lis lit lisons lisez lisent lu lue lus; croire crois
    croit croyons croyez croient cru; boire bois boit buvons buvez boivent bu; vendre vends vend
    vendons vendez vendent vendu vendue vendus; rendre rends rend rendons rendez rendent rendu
    rendue rendus; perdre perds perd perdons perdez perdent perdu perdue perdus; attendre
    attends attend attendons attendez attendent attendais attendait attendu attendrai; entendre
    entends entend entendons entendez entendent entendu; repondre reponds repond repondons
    repondez repondent repondu; comprendre comprends comprend comprenons comprenez comprennent
    compris comprise; ouvrir ouvre ouvrons ouvrez ouvrent ouvert ouverte ouverts; offrir offre
    offrez offert offerte; connaitre connais connait connaissons connaissez connaissent connu
    connue; vivre vis vit vivons vivez vivent vecu; suivre suit suivons suivez suivent suivi
    suivie; partir pars part partons partez partent parti partie; sortir sors sort sortons
    sortez sortent sorti sortie; sentir sens sent sentons sentez sentent senti; servir sers sert
    servons servez servent servi servie; resoudre resous resout resolvons resolvez resolu
    resolue; conduire conduis conduit conduisez; produire produit produisent; falloir faut
    fallait faudra fallu faudrait; plaindre plains plaint plaignez; appeler appelle appelles
    appellent appelons appelez appelais appelait appele appelee appelerai appellera appellerai;
    acheter achete achetes achetent achetons achetez achetais achetait achetee acheterai; jeter
    jette jettes jettent jetons jetez jetee; lever leve levent levons levez levee; essayer
    essaie essaies essaient essayons essayez essaye; deranger derange derangeons
    """,
    "es": """
    ser soy eres es somos sois son era eras eran fui fue fuimos fueron sido sea sean seria;
    estar estoy estas esta estamos estan estaba estaban estuve estuvo estuvieron estado este
    esten estaria; haber he has ha hemos han habia habian hubo hay haya habria habra; tener
    tengo tienes tiene tenemos tienen tenia tenian tuve tuvo tuvimos tuvieron tenido tendre
    tendra tenga tengan tendria; ir voy vas va vamos van iba iban ido vaya ire; hacer hago haces
    hace hacemos hacen hacia hice hizo hicimos hicieron hecho hecha hare hara haria haga hagan
    haz; poder puedo puedes puede podemos pueden podia pude pudo pudieron podido podre podra
    podria pueda puedan; querer quiero quieres quiere queremos quieren queria quise quiso
    querido quisiera quiera; decir digo dices dice decimos dicen decia dije dijo dijeron dicho
    dira diga digan; poner pongo pones pone ponemos ponen ponia puse puso pusieron puesto puesta
    pondre pondra ponga; venir vengo vienes viene venimos vienen venia vine vino vinieron venido
    vendra venga; ver veo ves ve vemos ven veia vi vio vieron visto vista vere vea; dar doy das
    da damos dan daba di dio dieron dado dada dare de; saber se sabes sabe sabemos saben sabia
    supe supo sabido sabre sepa; salir salgo sales sale salimos salen salio salido saldra salga;
    traer traigo trae traen traje trajo traido traiga; oir oigo oye oyen oyo oido; caer cae cayo
    caido; leer leo lee leyo leido; creer creo cree creyo creido; pedir pido pides pide pedimos
    piden pedi pidio pidieron pedido pedire pida pidan; seguir sigo sigues sigue seguimos siguen
    siguio seguido siga; servir sirve sirven sirvio servido; repetir repito repite repitio
    repetido; despedir despide despidio; volver vuelvo vuelves vuelve volvemos vuelven volvi
    volvio volvieron vuelto vuelta volvere vuelva; devolver devuelvo devuelves devuelve
    devolvemos devuelven devolvi devolvio devolvieron devuelto devuelta devolvere devolvera
    devuelva devuelvan; resolver resuelvo resuelve resuelven resolvio resuelto resuelta
    resuelva; mover muevo mueve muevan movio movido; romper rompe rompio rompieron roto rota
    rotos; abrir abro abre abren abrio abierto abierta abra; escribir escribo escribe escribio
    escrito escrita; cubrir cubre cubren cubrio cubierto cubierta; morir muere murio muerto;
    encontrar encuentro encuentra encuentran encontre encontro encontrado encuentre; contar
    cuento cuenta cuentan conte conto contado cuente; mostrar muestro muestra mostro mostrado
    muestre; costar cuesta cuestan costo costado; probar pruebo prueba probo probado pruebe;
    recordar recuerdo recuerda recordo recordado; pensar pienso piensa piensan penso pensado;
    empezar empiezo empieza empiezan empece empezo empezado; cerrar cierro cierra cierran cerre
    cerro cerrado cerrada cierre; entender entiendo entiende entienden entendi entendio
    entendido; perder pierdo pierde pierden perdi perdio perdieron perdido perdida; enviar envio
    envia envian envie enviamos enviaron enviado enviada enviare; pagar pago paga pagan pague
    pagamos pagaron pagado pagada pagare; llegar llego llega llegan llegue llegaron llegado
    llegara; buscar busco busca busque busco buscado; recibir recibo recibe reciben recibi
    recibio recibieron recibido recibida
    """,
    "it": """
    essere sono sei e siamo siete era erano ero stato stata stati fu sara saro sarebbe sia;
    avere ho hai ha abbiamo avete hanno aveva avevano avevo avuto avro avra avrebbe abbia;
    andare vado vai va andiamo andate vanno andato andata andro andra vada; fare faccio fai fa
    facciamo fate fanno faceva fatto fatta fatti fece faro fara faccia; dire dico dici dice
    diciamo dite dicono diceva detto detta dira dica; dare do dai da diamo danno dato data dia;
    potere posso puoi puo possiamo potete possono poteva potuto potro potra potrei potrebbe
    possa; volere voglio vuoi vuole vogliamo volete vogliono voleva voluto vorrei vorrebbe
    vorra; dovere devo devi deve dobbiamo dovete devono doveva dovuto dovro dovra dovrei
    dovrebbe; sapere so sai sa sappiamo sapete sanno saputo; venire vengo vieni viene veniamo
    venite vengono venuto venuta verra verro; tenere tengo tieni tiene tengono tenuto; prendere
    prendo prende prendono preso presa presi; mettere metto mette mettono messo messa messi
    mise; scrivere scrivo scrive scritto scritta; leggere leggo legge letto; vedere vedo vede
    vedono visto vista veduto; chiedere chiedo chiede chiedono chiesto chiesta; rispondere
    rispondo risponde risposto; chiudere chiudo chiude chiuso chiusa; aprire apro apre aperto
    aperta; perdere perdo perde perso persa; rompere rompe rotto rotta; rimanere rimango rimane
    rimasto; spendere spendo spende speso; decidere decido decide deciso; succedere succede
    successo; disdire disdico disdici disdice disdetto disdetta; offrire offre offerto; ricevere
    ricevo riceve ricevuto ricevuta
    """,
    "nl": """
    zijn ben bent is was waren geweest; hebben heb hebt heeft had hadden gehad; gaan ga gaat
    ging gingen gegaan; komen kom komt kwam kwamen gekomen; geven geef geeft gaf gaven gegeven;
    nemen neem neemt nam namen genomen; zeggen zeg zegt zei zeiden gezegd; doen doe doet deed
    deden gedaan; zien zie ziet zag zagen gezien; krijgen krijg krijgt kreeg kregen gekregen;
    schrijven schrijf schrijft schreef geschreven; vinden vond gevonden; brengen bracht
    gebracht; kopen koop koopt kocht kochten gekocht; zoeken zoek zocht gezocht; denken dacht
    gedacht; spreken spreek spreekt sprak gesproken; sturen stuur stuurt stuurde gestuurd;
    kunnen kan kunt kon konden; moeten moet moest; willen wil wilt wilde wilden wou; zullen zal
    zult zou zouden; mogen mag mocht; houden houd houdt hield gehouden; blijven blijf blijft
    bleef gebleven; verliezen verloor verloren; breken brak gebroken; sluiten sluit sloot
    gesloten; bieden bood geboden; lopen loop loopt liep gelopen; weten weet wist geweten
    """,
    "pt": """
    ser sou es e somos sao era eram foi foram sido seja seria; estar estou esta estamos estao
    estava estive esteve estado; ter tenho tem temos tinha tive teve tiveram tido tenha teria;
    ir vou vai vamos vao ia fui ido va; fazer faco faz fazemos fazem fazia fiz fez fizeram feito
    feita farei fara faria faca; poder posso pode podemos podem podia pude pode poderia possa;
    querer quero quer queremos querem queria quis quiseram; dizer digo diz dizem dizia disse
    disseram dito; por ponho poe poem pus pos posto; vir venho vem vinha vim veio vieram vindo
    venha; ver vejo ve veem vi viu viram visto veja; dar dou da damos dao dei deu deram dado;
    saber sei sabe sabem soube sabido; trazer trago traz trouxe trazido; pagar pago paga pagam
    paguei pagou pagaram pague; receber recebo recebe recebi recebeu receberam recebido; perder
    perco perde perdi perdeu perdido; pedir peco pede pedi pediu pediram pedido; abrir abro abre
    abri abriu aberto; escrever escrevo escreve escreveu escrito; devolver devolvo devolve
    devolvi devolveu devolvido; chegar chego chega chegam cheguei chegou chegaram; enviar envio
    envia enviei enviou enviaram enviado
    """,
}
_PREFIXES = {
    "de": "ab an auf aus be bei ein ent er ge her hin los mit nach uber um unter ver vor weg weiter"
    " wieder zer zu zuruck zusammen fest frei fern hinzu heraus raus rein",
    "nl": "aan af be bij door in mee na om ont op over terug toe uit ver voor weg",
    "fr": "re r de des ren par",
    "es": "re des",
    "it": "ri re dis",
    "pt": "re des",
}
_SEPARABLE = {
    "de": "ab an auf aus bei ein fest heraus hin los mit nach raus rein um vor weg weiter wieder zu"
    " zuruck zusammen",
    "nl": "aan af bij door in mee na om op over terug toe uit voor weg",
}
_NOUNS = {
    "fr": ("ation", "ations", "ition", "itions", "ement", "ements", "iement", "iements", "age"),
    "es": ("cion", "ciones", "miento", "mientos"),
    "it": ("zione", "zioni", "mento", "menti"),
    "pt": ("cao", "coes", "mento", "mentos"),
    "de": ("ung", "ungen"),
    "nl": ("ing", "ingen"),
}
_LEAST = 3
"""Letters of a form that may have something before it."""


def is_noun(word: str, language: str) -> bool:
    """Whether a folded word is what doing is called: résiliation, no form of résilier."""
    return len(word) > 6 and word.endswith(_NOUNS.get(language, ()))


def infinitives(word: str, language: str) -> Iterator[str]:
    """What a folded form may be of: zurückgerufen of zurückrufen, reçue of recevoir."""
    known = _known(language)
    yield from known.get(word, ())
    for before in _PREFIXES.get(language, "").split():
        rest = word.removeprefix(before)
        if rest == word or len(rest) < _LEAST:
            continue
        for form in (rest, f"ge{rest}", rest.removeprefix("zu")):
            for infinitive in known.get(form, ()):
                yield before + infinitive


def parted(word: str, language: str) -> Iterator[str]:
    """A regular verb without what its participle has within: abgeschickt as abschickt, abzuschicken
    as abschicken."""
    if language not in ("de", "nl"):
        return
    for before in _PREFIXES[language].split():
        rest = word.removeprefix(before)
        for within in ("ge", "zu", "te"):
            if rest != word and rest.startswith(within) and len(rest) > len(within) + _LEAST:
                yield before + rest[len(within) :]


@cache
def _known(language: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    lines = _IRREGULAR.get(language, "")
    for verb in _verbs(lines):
        for form in verb:
            found.setdefault(form, set()).add(verb[0])
    return found


def _verbs(lines: str) -> Iterator[list[str]]:
    for verb in lines.split(";"):
        yield verb.split()


def separable(word: str, language: str) -> Iterator[tuple[str, str]]:
    """A verb whose beginning may stand at the end of the sentence, as the two: zurückrufen as rufen
    and zurück."""
    if language not in ("de", "nl"):
        return
    for before in _SEPARABLE[language].split():
        rest = word.removeprefix(before)
        if rest != word and len(rest) > _LEAST + 1 and rest.endswith("n"):
            yield rest, before
