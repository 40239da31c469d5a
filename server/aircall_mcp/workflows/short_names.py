"""Short forms of first names: Bob and Robert, Pepe and José, Sascha and Alexander.

English short forms are the library's; those of other languages, and names that are one name in
several spellings or languages, are listed here, as folded words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nicknames import NickNamer

_SHORT = """
saint: st
sainte: ste
josemaria: chema
juancarlos: juanca
alexander aleksander aleksandr alexandre alejandro alessandro alexandros oleksandr: alex sascha
 sasha sacha alek xander sander ale alec sandro sasa lex shura
alexandra alessandra alejandra aleksandra oleksandra: alex sascha sasha sandra ale xandra lexi ola
 sanya
albert alberto adalbert: al bert berto beto albi
andreas andrea: andi andy andre dre
andrea: andi andie
andrzej andrei andrey andriy andrew: andriusha andrusha jedrek drew andy
aleksey alexei alexey alexis aleksei: alyosha lyosha alex
antonio anton antonios antony anthony antoine antonius antoni: toni tony tonio tono nino totonno
 anto ton tonek antek tosh toon
anastasia anastasiya: nastya nastja stasia stacy ana
anna ana anne hanna: anni annie anja anya ania anouk nan annika anka aneczka nancy
annemarie annamaria: anni ami annemie
barbara: babsi babs basia barb bobbie barbel
bartlomiej bartosz bartholomew bartolomeo: bartek bart
beatriz beatrice beatrix: bea trixi bia betty
benedikt benjamin benoit benedict benito: ben benni beni benny benji
bernhard bernard bernardo bernd: berni bernie bernd bert nardo
brigitte birgit bridget brigitta: gitte gitta biggi bridie
carlos carlo karl charles karel karol: carlitos charlie charly kalle chuck carl karlchen
carolina caroline karolina carolin: caro lina line carrie karo
catarina katharina katarzyna ekaterina yekaterina catherine katherine caterina catalina kathrin
 katrien: katja katya kati kathi kasia kate cata katinka rina kat nina kathe trini cate katy cathy
 trine tinka
chiara clara klara: clarita klarchen
christian cristian kristian christiaan: chris cris kris christl criss
christina cristina christine kristina: chris tina cris kris christl tini kiki
christopher christoph christophe cristobal kristoffer christoffel: chris stoffel tobal kris topher
 toph
concepcion: concha conchita
claudia: claudi clau
cornelia cornelius cornelis: conny conni nelly cor kees nele corne cees nelis
daniel daniele danilo: dan dani danny danilo
daniela danielle: dani dany
david: dave davi davy didi
dolores: lola loli
dmitri dmitry dmitriy dmytro: dima mitya
dominik dominique domenico domingo dominic: dom nico mimmo domi
dorothea dorothy dorota: dorle dora thea dot dotty
eduardo eduard edward edoardo: edu lalo edi eddie ed ted teddy edo dado
elena helena yelena olena helene jelena: lena lenka leni ele hela
elizabeth elisabeth elisabetta isabel elzbieta elisabete elisa lisbeth: lisa liz lizzie betty beth
 ela sissi sisi lisl ilse elsa elsie bettina betti bess libby eliza liesbeth isa chabela bela lili
 elli els
emmanuel emanuel manuel manuela emanuele: manu manny manolo manni mano lele
enrique heinrich henri henry enrico hendrik henrique hendrikus: quique heinz heini harry hank henk
 rico kike rik heiko hal henny
ernst ernesto ernest: erni ernie neto
eugen eugene evgeny yevgeny evgeni: gene zhenya jenja
federico frederic friedrich frederick frederik federica friederike: fede fritz fred freddy freddie
 fiete rike fritzi frits freek rik kico fredy
fernando ferdinand fernand: nando fer ferdi nandy
filippo felipe philippe philipp philip: pippo pipe phil flip lippo
francisco franciscus franz francesco francois frans francis franciszek: paco pancho kiko curro
 fran franzl franco ciccio cesco chico xico frank cisco franek checco franzi ferenc
francisca francesca franziska frances francoise: franzi fran paca paquita franca chica fanny
 frankie sisi kika
gabriel gabriele gabriela gabrielle: gabi gabe gaby gabo lele
georg george jorge giorgio georges jorg yuri joris jerzy: schorsch jorgito gio girgl jurek coco
gerhard gerard gerardo gerrit gerardus: gerd gert gerry jerry lalo hardy ger
giovanni johannes johann ivan juan jean jan joao john ioannis hannes: gianni vanni nino hans hansi
 hannes jo johnny vanya juanito jack janek jannis yannis hanno jens henne jans jackie joaozinho
 giannis han
giuseppe josef joseph jose josep jozef: beppe pino peppe peppino sepp pepe joe jo ze pepito josi
 seppi jupp pepijn chepe jef jos joost joey juzek
giuseppina josefa josephine josefina josefine: pina pepa josie fina jo josi
gregor gregorio gregory grzegorz grigory: greg grisha goyo grego
guadalupe: lupe lupita
guillermo wilhelm guillaume guglielmo guilherme william willem: memo willi guille billy will bill
 willy gui wim pim guigui liam helmi guilla
gunter gunther: gunni
heather: heth
hubert: hubsi bertl
ignacio ignaz ignazio: nacho iggy
isabella isabelle: bella isa izzy belle
jacob jakob jacobo jacques giacomo jakub jacobus james diego santiago: jake kobi jaap jim kuba
 jimmy jaco santi jacky koos cob
jesus: chus chuy suso
joachim joaquin gioacchino jochen: jochen achim jo quino jochim jockel
jonathan jonatan: jon john jonny
julia giulia yulia juliane julie iuliia: jule juli yulya lia julchen
julian julien giuliano julius giulio julio: jule juli jules
jurgen juergen: jogi jo jurg
karin karen katrin: kari
konstantin constantin constantine costantino konstantinos: kostja kostya costa kostas stan dinos
 tino gus
laurent lorenz lorenzo laurence lawrence laurentius: lenz renzo larry loris laurie lars laurens
 enzo
leonard leonardo leonhard leon: leo lenny leon len nardo
leopold leopoldo: leo poldi poldo
lieselotte liselotte charlotte: lotte lilo lotti charlie
luca lucas lukas luke: luc luk luki
luigi louis ludwig luis lodewijk: gigi lou lutz lucho wiggerl gino lodi wies lui
luisa louisa louise luise: lulu lou isa wiesje
magdalena madeleine maddalena: lena magda leni madda madeline maddie alena malena
marcel marco marcus markus marc mark marek: marc mark cello
margarete margaret margarita margherita marguerite margarida malgorzata margaretha: grete gretel
 greta maggie rita meg peggy gosia marga margot daisy margit margie gitta marge guida griet
maria marie mary mariana marianne: mia mimi mitzi mariechen maruja mari marika molly masha mascha
 marusia ria marijke mieke manon maja riet mariella
mario: mariolino
martin martino martijn marcin martina: marty tino tinus tini maart
matthias matteo mateo matthew mathieu matthijs mateusz matias matheus: matze matt teo thijs hias
 mathi matti hiasl matty
maurice mauricio maurizio moritz: mo mauri mau momo
maximilian maxime massimo massimiliano maximo maksim maxim: max maxi
mercedes: merche mercy
mikhail michael miguel michel michele michal mykhailo mihai michiel: misha mischa michi mike
 mickey micha mick mitch miguelito michou miki michal giel
mohammed muhammad mohamed mohammad: mo moe hamada
monika monica monique: moni mona nicki
natalia natalie natalya nataliya nathalie: natasha natascha nata talia nat nati
nikolai nikolay nikolaus nicolas nicholas niccolo nicola klaus claus mykola nikolaos nikolas:
 kolya niko nico klaus nick nicky niklas claus nikos klaas colin
olga: olya olenka
oluwaseun: seun
oluwaseyi: seyi
oluwatobi oluwatobiloba: tobi
oluwafemi: femi
olufunmilayo oluwafunmilayo: funmi
ngozi: ngo
chukwuemeka: emeka
chinonso: nonso
patrick patricio patrizio: pat pato paddy rick
patricia patrizia: pat patty patri trish tricia pati
paul pablo paolo paulo pavel pawel paulus pavlo: pauli pasha paulinho pauly pauwel pol
paula paola: pauli
peter pedro pietro pierre pieter petr piotr petrus pyotr: pete perico piero pit pierrot peer petja
 petya piet pierino peet peterchen periko
philomena filomena: mena
raffaele rafael raphael: rafa raf lele rafi rapha
raimund raymond ramon: mundl ray moncho monchi
rainer reiner: reini
renate renata: reni nate
ricardo richard riccardo ryszard: rick richie ritchie dick rico cardo rich rysiek riki
robert roberto: bob rob bobby robbie robi berto beto robby bertie
roland rolando rodolfo rudolf rodolphe rudolph: rolf rudi rolli fofo rudy dolf
rosa rosalia rosemarie rosario: rosi rosie charo rosita romy
salvatore salvador: toto salva turi tore chava
sebastian sebastien sebastiano bastiaan: basti seb bastian wastl sebas bas
sergei sergio serge sergey serhii: seryozha checo serjoscha
sigmund sigismund siegfried sigrid: sigi siggi
simon simone: simi
sofia sophia sophie zofia: sofi sofie zosia sonya sonja fia fieke
stanislav stanislaw: stas stan slava staszek
stefan stephan stefano esteban etienne stephen steven stephane szczepan: steffen stef steve steph
 steff stefi fanel stevie
stefanie stephanie stefania: steffi stef steph stefi stephi
svetlana: sveta lana
susanne susanna susana susan suzanne zuzanna: susi sanne susie sue zuzia suzy suus sanna
tadeusz: tadek
tatiana tatjana tatyana: tanya tania tanja
teodor theodor theodore teodoro theodorus: theo teo ted doro teddy fedor fyodor
teresa theresa therese: resi tere terry tess thea reesje tessa
thomas tomas tommaso tomasz: tom tommy maso tomek tomi
tobias: tobi toby
ulrich ulrike: uli ulli rike
ursula: uschi ulla uli ursel urschi
valentina valentin valentino valentine: vale vali tina val
victor viktor vittorio victoria viktoria vittoria: vic vicky viki tori vitya vito
vincent vincenzo vicente vinzenz: vince enzo vinz vini cent chente vinnie
vladimir volodymyr wladimir: vova volodya wowa vlad
walter walther gualtiero: walti wally walt wout
waldemar: waldi
werner: wernie
wolfgang: wolf wolfi wolferl
xavier javier saverio xaver: xavi javi xaverl
yaroslav jaroslaw: slava jarek
zbigniew: zbyszek
"""

_SAME = """
sean shaun shawn; muhammad mohammed mohamed mohammad muhammed; ahmed ahmad achmed
hussein husain hussain hossein husayn; yusuf youssef yousef yousuf youssouf; omar umar
abdullah abdallah abdulla; khaled khalid; fatima fatimah; aisha ayesha aicha
ibrahim ebrahim brahim; hasan hassan; mustafa mostafa moustafa; saeed said; jamal djamal
karim kareem; rashid rachid; nasser nasir naser; zainab zaynab zeinab; leila layla laila
catherine katherine kathryn katharine cathryn; jeffrey geoffrey jeffery; stephen steven
yekaterina ekaterina; aleksandr alexander alexandr; evgeny yevgeny; fyodor fedor fjodor
artem artyom; andrei andrey; giorgos georgios yiorgos george; giannis ioannis yannis yiannis
dimitris dimitrios; kostas konstantinos; pjotr piotr pyotr; kim gim; park bak pak; choi choe
abdulrahman abdurrahman abderrahman abdelrahman; abdulaziz abdelaziz; abdulkarim abdelkarim
abdulkader abdelkader abdelkadir abdulqadir; youssef yosef yossi; niamh neve nieve; caoimhe keeva
kiva; saoirse seersha sersha; siobhan shivaun shevaun chevonne; aoife eefa; eoin owen; ciaran kieran
maeve meabh medb; roisin rosheen; oisin osheen; padraig porrick; cathal cahal; niall neil neal
jung jeong chung; cho jo; yoon yun; kwon gwon; hwang whang; seo suh
"""
"""One name, however it is written."""

_AKIN = """
lee yi rhee li; ahmed ahmet; muhammad mohamed mehmet; yusuf youssef josef joseph; jamal gamal
wong huang wang; chan chen; lau liu; cheung zhang; yeung yang; lam lin lim; chow zhou; hui xu hsu
tsai cai; chang zhang; kuo guo kwok; tseng zeng; hsieh xie; leung liang; cheng zheng; yip ye
joao john juan; jorge george; pavel paul; semyon simon; igor ihor; oleh oleg; mikhail michael
"""
"""Names that are the same of old, or in one script; those who bear them may be two."""


def _listed(text: str) -> Iterator[tuple[str, list[str]]]:
    for line in text.replace("\n ", " ").replace(";", "\n").split("\n"):
        names, _, short = line.partition(":")
        yield names, short.split()


@cache
def _ours() -> tuple[Mapping[str, frozenset[str]], Mapping[str, frozenset[str]]]:
    """Of a name its short forms, and of a short form its names."""
    short: dict[str, set[str]] = defaultdict(set)
    whole: dict[str, set[str]] = defaultdict(set)
    for names, forms in _listed(_SHORT):
        for name in names.split():
            short[name].update(forms)
            for form in forms:
                whole[form].add(name)
    return (
        {name: frozenset(forms) for name, forms in short.items()},
        {form: frozenset(names) for form, names in whole.items()},
    )


@cache
def _groups(text: str) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for names, _ in _listed(text):
        for name in names.split():
            found[name].update(names.split())
    return {name: frozenset(others) for name, others in found.items()}


@lru_cache(maxsize=4_096)
def called(word: str) -> frozenset[str]:
    """What else somebody of this first name is called or written."""
    short, whole = _ours()
    nicknames = _nicknames()
    found = nicknames.canonicals_of(word) | nicknames.nicknames_of(word)
    none: frozenset[str] = frozenset()
    ours = short.get(word, none) | whole.get(word, none) | _groups(_SAME).get(word, none)
    return frozenset(found | ours) - {word}


@lru_cache(maxsize=4_096)
def cousins(word: str) -> frozenset[str]:
    """First names that have a short form in common with this one, or are short for the same:
    Steven and Stephen, Bob and Rob."""
    short, whole = _ours()
    nicknames = _nicknames()
    found = {name for one in nicknames.nicknames_of(word) for name in nicknames.canonicals_of(one)}
    found |= {name for one in nicknames.canonicals_of(word) for name in nicknames.nicknames_of(one)}
    found |= _groups(_AKIN).get(word, frozenset())
    found |= {name for one in short.get(word, ()) for name in whole[one]}
    found |= {name for one in whole.get(word, ()) for name in short[one]}
    return frozenset(found) - {word}


@lru_cache(maxsize=1)
def _nicknames() -> NickNamer:
    from nicknames import NickNamer  # reads a table that few questions need

    return NickNamer()
