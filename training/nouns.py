"""The world of the model: the things it can draw, and the words for each.

One entry is `word[/synonym…][=label|label…]`: the first word is the noun, and the labels (emojibase's) say which pictures show it; without `=` the
label is the noun itself. Several labels of one noun are several pictures of the same thing. What is not listed (symbols, flags, everyday people,
signs, clock faces, buttons) is not trained on: little compute goes further on fewer things.
"""

ANIMALS = """
rat; mouse=mouse|mouse face; water buffalo/buffalo; cow=cow|cow face; tiger=tiger|tiger face; leopard; rabbit/bunny=rabbit|rabbit face; black cat;
cat/kitten/kitty=cat|cat face; dragon=dragon|dragon face; crocodile/alligator; whale=whale|spouting whale; snail; snake; horse/pony=horse|horse face; ram; goat;
sheep/lamb=ewe; monkey=monkey|monkey face; rooster; chicken/hen; dog/puppy/doggy=dog|dog face; pig/piglet=pig|pig face; boar; elephant;
octopus/kraken; seashell/shell=spiral shell; caterpillar=bug; ant; bee/honeybee=honeybee; ladybug/ladybird=lady beetle; fish; tropical fish; pufferfish/blowfish=blowfish;
turtle/tortoise; hatching chick; chick/baby chick=baby chick|front-facing baby chick; bird; penguin; koala; poodle; camel=camel|two-hump camel; dolphin;
frog/toad; hamster; wolf; polar bear; bear; panda; chipmunk/squirrel; dove; spider; spider web/cobweb; crab; lion; scorpion; turkey; unicorn; eagle/hawk;
duck; bat; shark; owl; fox; butterfly; deer; gorilla; lizard/gecko; rhinoceros/rhino; shrimp/prawn; squid; giraffe; zebra; hedgehog;
dinosaur/sauropod/brontosaurus=sauropod; t-rex/tyrannosaurus; kangaroo; llama/alpaca; peacock; hippopotamus/hippo; parrot; raccoon; lobster; mosquito; badger; swan; mammoth;
dodo; sloth; otter; orangutan; skunk; flamingo; beaver; bison; seal; fly; worm; beetle; jellyfish; goose; moose; donkey; black bird/crow/raven; feather; coral;
paw prints
"""
PLANTS = """
seedling/sprout; pine tree/evergreen tree/fir=evergreen tree; tree=deciduous tree; palm tree; cactus; tulip; cherry blossom; rose; hibiscus; sunflower;
flower/daisy=blossom; four leaf clover/clover; maple leaf; fallen leaf; mushroom/toadstool; bouquet/flowers=bouquet; potted plant/houseplant; lotus; hyacinth; nest with eggs/nest
"""
FOOD = """
hot dog; taco; burrito; chestnut; hot pepper/chili; corn=ear of corn; tomato; eggplant/aubergine; grapes; melon; watermelon; orange fruit/tangerine/mandarin=tangerine;
lemon; banana; pineapple; apple=red apple; green apple; pear; peach; cherries; strawberry; burger/hamburger=hamburger; pizza; meat on bone/meat; drumstick=poultry leg;
rice ball/onigiri; spaghetti/pasta; bread/loaf; french fries/fries; sushi; ice cream cone/soft ice cream=soft ice cream; ice cream/sundae; shaved ice; donut/doughnut=doughnut;
cookie/biscuit=cookie; chocolate bar/chocolate; candy/sweets; lollipop; custard/pudding; honey pot/honey; cake slice/shortcake/slice of cake=shortcake; bento box; pot of food/stew;
fried egg/cooking=cooking; wine glass/wine; cocktail=cocktail glass; tropical drink; beer=beer mug; baby bottle; champagne=bottle with popping cork; popcorn; birthday cake/cake;
croissant; avocado; cucumber; bacon; potato; carrot; baguette=baguette bread; salad=green salad; egg; milk=glass of milk; peanuts; kiwi/kiwi fruit=kiwi fruit; pancakes; dumpling;
fortune cookie; takeout box; soda=cup with straw; coconut; broccoli; pie; pretzel; steak=cut of meat; sandwich; lettuce=leafy green; mango; bagel; cheese=cheese wedge; cupcake/muffin;
garlic; onion; waffle; butter; bubble tea; blueberries; bell pepper; olive; teapot; coffee/tea/cup of coffee=hot beverage; beans; jar; pea pod/peas; ice cube=ice; noodles/ramen=steaming bowl
"""
PLACES = """
volcano; earth/globe/planet earth=globe showing europe-africa|globe showing americas|globe showing asia-australia; full moon; crescent moon/moon=crescent moon;
moon face=new moon face|full moon face; smiling sun/sun with face=sun with face; sun; star; glowing star; shooting star; comet; rainbow; cloud; storm cloud/thunderstorm=cloud with lightning;
rain cloud=cloud with rain; tornado; ferris wheel; circus tent; mountain/snowy mountain=snow-capped mountain|mountain; island/desert island=desert island; house/home; house with garden;
hospital; school; factory; castle; church; mosque; temple/classical building=classical building; tower=tokyo tower; statue of liberty; hut/cabin; stadium; fire/flame; droplet/water drop=droplet; wave=water wave;
snowflake; snowman=snowman|snowman without snow; lightning bolt/lightning=high voltage; umbrella=umbrella with rain drops|umbrella; fountain; tent; planet/saturn=ringed planet; rock/stone; wood/log; camping;
rocket/spaceship/space rocket=rocket; ufo/flying saucer=flying saucer; satellite; helicopter; airplane/plane/jet=airplane|small airplane; steam train/locomotive/steam engine=locomotive; train=train|high-speed train|bullet train;
tram; bus; ambulance; fire truck/fire engine=fire engine; police car; taxi/cab=taxi; car/automobile=automobile; suv/jeep=sport utility vehicle; pickup truck; truck=delivery truck; lorry=articulated lorry; tractor;
motorcycle/motorbike=motorcycle; scooter/vespa=motor scooter; kick scooter; racing car/race car=racing car; bicycle/bike=bicycle; skateboard; ship=ship|passenger ship; motor boat=motor boat; speedboat; sailing boat/sailboat/sailing ship=sailboat;
canoe; anchor; parachute; life ring=ring buoy; roller coaster; carousel horse; compass; hourglass=hourglass done|hourglass not done; alarm clock; watch; suitcase=luggage; wheel/tire=wheel
"""
THINGS = """
pumpkin/jack-o-lantern=jack-o-lantern; christmas tree; gift/present=wrapped gift; balloon; party popper; fireworks; artist palette/paint palette=artist palette; trophy/cup=trophy; gold medal/medal=sports medal;
basketball; american football; football/soccer ball=soccer ball; baseball; tennis ball=tennis; volleyball; bowling; 8 ball=pool 8 ball; dice/die=game die; dartboard/target=bullseye; game controller/video game=video game; joystick;
crystal ball; magic wand; teddy bear; kite; yarn; yo-yo; puzzle piece; boxing glove; ice skate; sled; fishing pole; chess pawn/pawn=chess pawn; nesting dolls; piñata; disco ball=mirror ball; framed picture/painting=framed picture;
backpack; graduation cap; microphone; movie camera; headphones=headphone; top hat; saxophone; guitar; piano keyboard=musical keyboard; trumpet; violin; drum; banjo; accordion; musical note; lantern=red paper lantern; crown; hat=woman’s hat;
glasses; sunglasses; necktie/tie=necktie; t-shirt/shirt=t-shirt; jeans/trousers=jeans; dress; kimono; bikini; purse; handbag; dress shoe=man’s shoe; sneaker/running shoe/shoe=running shoe; high heel=high-heeled shoe; boot=woman’s boot; lipstick; ring/diamond ring=ring;
gem/diamond/jewel=gem stone; light bulb; bomb; money bag; coin; laptop; briefcase; floppy disk; scroll; book=closed book; open book; green book; blue book; books; calendar; clipboard; paperclip; telephone=telephone; mobile phone/smartphone=mobile phone;
megaphone; package/cardboard box/box=package; mailbox=closed mailbox with raised flag|closed mailbox with lowered flag; newspaper; camera=camera|camera with flash; television/tv=television; radio; battery; magnifying glass=magnifying glass tilted left|magnifying glass tilted right; key; old key; padlock/lock=locked; bell;
flashlight/torch=flashlight; wrench; hammer; axe; saw=carpentry saw; screwdriver; microscope; telescope; candle; fountain pen; pen; pencil; paintbrush; crayon; scissors; computer/desktop computer=desktop computer; printer; computer mouse; trash can=wastebasket;
dagger/knife=dagger; crossed swords/swords=crossed swords; shield; moai; door; toilet; bathtub; sofa=couch and lamp; bed; chair; window; mirror; ladder; bucket; broom; basket; soap; sponge; toothbrush; shopping cart; shopping bags; magnet; toolbox; fire extinguisher;
syringe; pill; test tube; stethoscope; dna; gear/cog=gear; scarf; gloves; coat; socks; cap=billed cap; ballet shoes; bone; tooth; brain; heart=red heart; broken heart; blue heart; green heart; yellow heart; purple heart; coffin; boomerang; envelope/letter=envelope; safety pin; chains
"""
CREATURES = """
ghost; alien; alien monster/space invader=alien monster; skull; robot; ogre; goblin; poop=pile of poo; santa claus/santa=santa claus; princess; prince; wizard/mage=mage|man mage; witch/sorceress=woman mage; fairy=fairy|woman fairy; mermaid; vampire=vampire|man vampire; zombie=zombie|man zombie;
genie=genie|man genie; elf=elf|man elf; ninja; superhero=superhero|man superhero; angel=baby angel; astronaut=astronaut|man astronaut; firefighter=firefighter; detective; baby; smiling cat=grinning cat|grinning cat with smiling eyes; see-no-evil monkey; clown=clown face; devil/imp=smiling face with horns
"""
FACES = """
smiley/happy face/smiling face=grinning face|grinning face with big eyes|slightly smiling face; face with sunglasses/cool face=smiling face with sunglasses; winking face; heart eyes face/face with heart eyes=smiling face with heart-eyes; laughing face/crying laughing face=face with tears of joy;
crying face/sad face=crying face|loudly crying face; angry face=angry face|enraged face; sleeping face; thinking face; nerd face/nerd=nerd face; cowboy/cowboy face=cowboy hat face; kissing face; scared face=face screaming in fear; surprised face=astonished face|face with open mouth; sick face=nauseated face|face with medical mask;
party face=partying face; star eyes face/star-struck=star-struck; exploding head; cold face; hot face; melting face; halo face=smiling face with halo; money face=money-mouth face; upside-down face; neutral face; tongue face=face with tongue|winking face with tongue
"""
# How often a thing of each kind is drawn, and whether its colour can be changed in a caption.
KINDS = {'animals': (ANIMALS, 1.4, True), 'plants': (PLANTS, 1.0, True), 'food': (FOOD, 1.0, True), 'places': (PLACES, 1.0, True), 'things': (THINGS, 0.8, True),
         'creatures': (CREATURES, 1.1, False), 'faces': (FACES, 0.8, False)}


class Noun:
    """`words` (the first is its name), `labels` of its pictures, `kind`, `weight`, `recolours`."""

    def __init__(self, entry, kind, weight, recolours):
        words, _, labels = entry.partition('=')
        self.words = words.split('/')
        self.name = self.words[0]
        self.labels = labels.split('|') if labels else list(self.words)
        self.kind, self.weight, self.recolours = kind, weight, recolours


def nouns():
    """All nouns, in the order of the lists: a noun's place is its class in the classifier."""
    return [Noun(' '.join(e.split()), kind, weight, recolours)
            for kind, (text, weight, recolours) in KINDS.items() for e in text.replace('\n', ' ').split(';') if e.strip()]
