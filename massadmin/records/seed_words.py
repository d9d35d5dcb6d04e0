"""The words that believable contacts are made of: names, companies, places, tags.

Nobody can be reached by them. Addresses end in `.example`, which RFC 2606 keeps unregistered, and
phone numbers have the length of real ones, but a beginning that no network hands out.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

# Per culture as many first as last names, and no last name in two cultures: so a name and a
# company make an address that only one contact has.
NAMES_EACH = 32

_FIRST = {
    "en": "Olivia James Amelia Henry Charlotte Oliver Grace Jack Emily Thomas Hannah Samuel Alice "
    "Daniel Ruby Joseph Megan Edward Zoe Harry Claire Luke Naomi Nathan Holly Owen Paige Miles "
    "Rachel Simon Tessa Victor",
    "no": "Ingrid Lars Astrid Magnus Solveig Henrik Kari Bjørn Liv Øyvind Sigrid Anders Marit Knut "
    "Tuva Håkon Ragnhild Sindre Hedda Torstein Eline Espen Randi Vegard Åse Jørgen Silje Trond "
    "Gunhild Eirik Maja Stian",
    "de": "Anna Felix Greta Jonas Lena Moritz Sophie Lukas Katharina Paul Frieda Jürgen Ursula "
    "Stefan Heike Matthias Sabine Günther Birgit Tobias Monika Wolfgang Claudia Florian Jana "
    "Sebastian Ilse Dieter Petra Uwe Käthe Björn",
    "fr": "Camille Louis Manon Hugo Chloé Jules Léa Gabriel Élodie Antoine Margaux Théo Juliette "
    "Mathieu Aurélie Rémi Sylvie François Océane Benoît Hélène Thierry Mireille Gaël Noémie "
    "Olivier Maëlys Bastien Colette Étienne Lucie Pascal",
    "es": "Lucía Mateo Carmen Javier Valentina Diego Sofía Álvaro Elena Pablo Marta Sergio Pilar "
    "Raúl Inés Andrés Rocío Iván Nuria Joaquín Beatriz Ramón Dolores Gonzalo Ximena Emilio Paloma "
    "Íñigo Teresa Rubén Belén Óscar",
    "it": "Giulia Lorenzo Chiara Matteo Francesca Alessandro Martina Davide Elisa Riccardo Paola "
    "Giovanni Silvia Niccolò Bianca Stefano Ginevra Salvatore Caterina Enrico Ilaria Massimo "
    "Noemi Fabio Lucrezia Dario Serena Carlo Mirella Sandro Viola Tommaso",
    "nl": "Sanne Daan Femke Bram Lotte Sem Anouk Thijs Fleur Ruben Marijke Joost Wilhelmina Pieter "
    "Saskia Gijs Hanneke Maarten Roos Jeroen Ilse Koen Evelien Sjoerd Tineke Wouter Maud Casper "
    "Loes Teun Noor Hendrik",
    "in": "Priya Arjun Ananya Rohan Kavya Vikram Isha Aditya Meera Rahul Divya Sanjay Lakshmi "
    "Nikhil Pooja Karthik Neha Suresh Aditi Manoj Shreya Varun Radha Deepak Tara Imran Fatima "
    "Harish Sunita Gaurav Leela Ashok",
    "pt": "Beatriz João Mariana Tiago Inês Rafael Larissa Gustavo Débora Thiago Letícia Caio "
    "Fernanda Vinícius Tatiana Leandro Juliana Otávio Helena Murilo Bruna Antônio Luana Renato "
    "Cecília Fábio Yasmin Sérgio Vitória Márcio Aline Danilo",
}
_LAST = {
    "en": "Whitfield Carter Hughes Bennett Sullivan Walsh Fletcher Hayes Morgan Pritchard Baxter "
    "Holloway Reid Thornton Ellis Barrett Kingsley Doyle Ashworth Mercer Langley Cooper Winslow "
    "Harding Blake Chandler Rowe Sinclair Tate Underwood Vaughn Yates",
    "no": "Hansen Berg Haugen Lie Solberg Dahl Nygård Moen Strand Lund Eide Bakke Sæther Hauge "
    "Tveit Fossum Rønning Vik Aasen Brekke Kvam Myhre Ødegård Sandvik Thorsen Rustad Skoglund "
    "Engen Holm Løken Ruud Aamodt",
    "de": "Schneider Fischer Weber Hoffmann Krüger Zimmermann Vogel Schäfer Brandt Lehmann Köhler "
    "Neumann Schröder Winter Arnold Busch Pfeiffer Jäger Seidel Dietrich Ziegler Böhm Graf Keller "
    "Lorenz Haas Kuhn Maurer Otto Reuter Stein Wolff",
    "fr": "Moreau Laurent Fournier Girard Mercier Lefèvre Dupuis Chevalier Renaud Gauthier Perrin "
    "Marchand Leclerc Barbier Rousseau Blanchard Collet Guérin Boucher Aubert Rolland Vidal "
    "Caron Meunier Benoist Delorme Faure Jacquet Lacroix Noël Poirier Teissier",
    "es": "García Fernández Navarro Ortega Castillo Delgado Iglesias Medina Vargas Cabrera Reyes "
    "Fuentes Molina Peña Herrera Aguilar Domínguez Rojas Salazar Ibáñez Quintero Ramos Soto "
    "Valencia Zamora Acosta Bravo Carrasco Durán Espinoza Gallego Lozano",
    "it": "Rossi Bianchi Ferrari Esposito Ricci Colombo Greco Conti Marino Galli Fontana Rizzo "
    "Caruso Moretti Barbieri Lombardi Testa Serra Villa Pellegrini Monti Ferraro Battaglia "
    "Sartori Neri Leone Basile Ruggeri Parisi Orlando Valentini Zanetti",
    "nl": "Jansen Bakker Visser Smit Meijer Mulder Vos Peters Hendriks Dekker Brouwer Dijkstra "
    "Postma Kuipers Veenstra Koster Willems Hoekstra Prins Huisman Schouten Wiersma Bosman "
    "Timmermans Gerritsen Kok Verbeek Hermans Scholten Molenaar Zijlstra Rietveld",
    "in": "Sharma Patel Iyer Reddy Kapoor Nair Banerjee Gupta Chowdhury Mehta Joshi Desai Menon "
    "Bhat Kulkarni Rao Malhotra Sethi Pillai Trivedi Chatterjee Mishra Saxena Verma Agarwal "
    "Bose Dutta Gill Hegde Khanna Naidu Siddiqui",
    "pt": "Silva Oliveira Pereira Carvalho Almeida Barbosa Teixeira Cardoso Moreira Araújo Ribeiro "
    "Nogueira Coelho Pacheco Magalhães Brandão Figueiredo Guimarães Lacerda Macedo Peixoto Queiroz "
    "Rezende Siqueira Tavares Vasconcelos Xavier Azevedo Bittencourt Cavalcanti Dantas Assunção",
}
CULTURES = tuple(_FIRST)

_COMPANY_FIRST = (
    "Harbour Juniper Copper Meridian Lantern Granite Willow Beacon Cobalt Orchard Summit Pioneer "
    "Falcon Maple Atlas Silverline Bluebird Northgate Redwood Crescent Anchor Sterling Evergreen "
    "Horizon Compass Marble Riverside Keystone Amber Tidal Clover Saffron Hawthorn Ironbridge "
    "Larkspur Mosaic Nimbus Osprey Paragon Quarry Raven Sable Tamarind Vertex Westbrook Zenith "
    "Alder Bramble"
)
_COMPANY_SECOND = (
    "Logistics Analytics Foods Textiles Software Interiors Energy Consulting Dental Robotics "
    "Publishing Marine Ceramics Electric Insurance Motors Pharma Travel Architects Bakery Capital "
    "Fitness Gardens Hotels Instruments Labs Media Networks Optics Plastics Recycling Solar "
    "Timber Ventures Watches Shipping"
)
COMPANY_FIRST, COMPANY_SECOND = _COMPANY_FIRST.split(), _COMPANY_SECOND.split()


@dataclass(frozen=True)
class Place:
    """A city and what follows from it. A phone number is `phone` and `digits` more digits; a
    postal code is `postal` with a digit for each of up to three `#`."""

    city: str
    state: str
    country: str
    time_zone: str
    phone: str
    digits: int
    postal: str
    culture: str


# In order of how many contacts live there.
PLACES = tuple(
    Place(city, state, country, zone, phone, int(digits), postal, culture)
    for city, state, country, zone, phone, digits, postal, culture in (
        line.split("|")
        for line in """\
New York|NY|US|America/New_York|+12120|6|100##|en
London|England|GB|Europe/London|+44200|7|SW# #AA|en
Oslo|Oslo|NO|Europe/Oslo|+470|7|0###|no
Berlin|Berlin|DE|Europe/Berlin|+49300|7|10###|de
Chicago|IL|US|America/Chicago|+13120|6|606##|en
Paris|Île-de-France|FR|Europe/Paris|+330|8|750##|fr
Toronto|ON|CA|America/Toronto|+14160|6|M#V #T#|en
Madrid|Madrid|ES|Europe/Madrid|+340|8|280##|es
Los Angeles|CA|US|America/Los_Angeles|+12130|6|900##|en
Amsterdam|Noord-Holland|NL|Europe/Amsterdam|+31200|6|10## AB|nl
Mumbai|Maharashtra|IN|Asia/Kolkata|+91220|7|4000##|in
São Paulo|SP|BR|America/Sao_Paulo|+55110|8|01###-000|pt
Bergen|Vestland|NO|Europe/Oslo|+471|7|50##|no
Milano|Lombardia|IT|Europe/Rome|+39020|7|201##|it
Sydney|NSW|AU|Australia/Sydney|+6120|7|20##|en
Hamburg|Hamburg|DE|Europe/Berlin|+49400|7|20###|de
Houston|TX|US|America/Chicago|+17130|6|770##|en
Manchester|England|GB|Europe/London|+441610|6|M# #BB|en
Bengaluru|Karnataka|IN|Asia/Kolkata|+91800|7|5600##|in
Trondheim|Trøndelag|NO|Europe/Oslo|+470|7|70##|no
München|Bayern|DE|Europe/Berlin|+49890|7|80###|de
Denver|CO|US|America/Denver|+13030|6|802##|en
Lyon|Auvergne-Rhône-Alpes|FR|Europe/Paris|+330|8|690##|fr
Barcelona|Cataluña|ES|Europe/Madrid|+341|8|080##|es
Roma|Lazio|IT|Europe/Rome|+39060|7|001##|it
Lisboa|Lisboa|PT|Europe/Lisbon|+3510|8|1###-001|pt
Vancouver|BC|CA|America/Vancouver|+16040|6|V#B #K#|en
Rotterdam|Zuid-Holland|NL|Europe/Amsterdam|+31100|6|30## CD|nl
Delhi|Delhi|IN|Asia/Kolkata|+91110|7|1100##|in
Rio de Janeiro|RJ|BR|America/Sao_Paulo|+55210|8|20###-000|pt
Ciudad de México|CDMX|MX|America/Mexico_City|+520|9|06###|es
Melbourne|VIC|AU|Australia/Melbourne|+6130|7|30##|en
Seattle|WA|US|America/Los_Angeles|+12060|6|981##|en
Stavanger|Rogaland|NO|Europe/Oslo|+471|7|40##|no
Köln|Nordrhein-Westfalen|DE|Europe/Berlin|+492210|6|50###|de
Dublin|Leinster|IE|Europe/Dublin|+35310|6|D0# X#5#|en
Wien|Wien|AT|Europe/Vienna|+4310|6|10#0|de
Marseille|Provence-Alpes-Côte d’Azur|FR|Europe/Paris|+330|8|130##|fr
Sevilla|Andalucía|ES|Europe/Madrid|+340|8|410##|es
Torino|Piemonte|IT|Europe/Rome|+390110|6|101##|it
Edinburgh|Scotland|GB|Europe/London|+441310|6|EH# #CC|en
Zürich|Zürich|CH|Europe/Zurich|+410|8|80##|de
Auckland|Auckland|NZ|Pacific/Auckland|+6490|6|10##|en
Utrecht|Utrecht|NL|Europe/Amsterdam|+31300|6|35## EF|nl
Chennai|Tamil Nadu|IN|Asia/Kolkata|+91440|7|6000##|in
Porto|Porto|PT|Europe/Lisbon|+3510|8|4###-001|pt
Tromsø|Troms|NO|Europe/Oslo|+470|7|90##|no
Buenos Aires|CABA|AR|America/Argentina/Buenos_Aires|+54110|7|C10##|es""".splitlines()
    )
)

# Each as often as its weight says.
STATUSES = {
    "Lead": 38,
    "Customer": 25,
    "Prospect": 22,
    "Inactive": 8,
    "Partner": 4,
    "Unsubscribed": 3,
}
SOURCES = {
    "Website": 30,
    "Referral": 18,
    "Newsletter": 14,
    "Trade fair": 12,
    "Cold call": 9,
    "Webinar": 8,
    "Social media": 6,
    "Partner": 3,
}
# A contact has up to one tag of each list, the first ones most often.
TAGS = (
    ("newsletter", "customer-2025", "trial", "renewal", "wholesale", "press", "alumni"),
    ("vip", "webinar", "trade-fair", "speaker", "beta", "reference"),
    ("follow-up", "call-back", "no-budget", "decision-maker", "moved"),
)


def first_names(culture: str) -> list[str]:
    """The first names of a culture, `NAMES_EACH` of them."""
    return _FIRST[culture].split()


def last_names(culture: str) -> list[str]:
    """The last names of a culture, `NAMES_EACH` of them."""
    return _LAST[culture].split()


def in_address(name: str) -> str:
    """A name as it stands in an e-mail address: small plain letters."""
    plain = name.lower().replace("ø", "o").replace("æ", "ae").replace("ß", "ss")
    split = unicodedata.normalize("NFKD", plain)
    return "".join(sign for sign in split if sign.isascii() and sign.isalnum())
