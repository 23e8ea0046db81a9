"""The world of the model: the things it can draw, and the words for each.

One entry is `word[/synonym…][=label|label…]`: the first word is the noun, and the labels (emojibase's) say which pictures show it; without `=` the
label is the noun itself. Several labels of one noun are several pictures of the same thing. What is not listed (symbols, flags, everyday people,
signs, clock faces, buttons) is not trained on: little compute goes further on fewer things. Each has one picture in a style, of its head where there is
one, for a head is told at 128 pixels.
"""

ANIMALS = """
mouse=mouse face; cow=cow face; tiger=tiger face; rabbit/bunny=rabbit face; cat/kitten/kitty=cat face; dog/puppy/doggy=dog face; pig/piglet=pig face; horse/pony=horse face; monkey=monkey face;
fox; bear; panda; koala; lion; frog/toad; wolf; unicorn; hamster; dragon=dragon face; raccoon; elephant; giraffe; zebra; hedgehog; sheep/lamb=ewe; dinosaur/sauropod/brontosaurus=sauropod;
t-rex/tyrannosaurus; whale=spouting whale; dolphin; shark; fish; tropical fish; pufferfish/blowfish=blowfish; octopus/kraken; crab; jellyfish; snail; snake; turtle/tortoise; bee/honeybee=honeybee;
ladybug/ladybird=lady beetle; butterfly; spider; bird; chick/baby chick=front-facing baby chick; penguin; owl; duck; parrot; flamingo; bat; sloth
"""
PLANTS = """
tree=deciduous tree; pine tree/evergreen tree/fir=evergreen tree; palm tree; cactus; tulip; cherry blossom; rose; sunflower; flower/daisy=blossom; four leaf clover/clover; maple leaf; mushroom/toadstool
"""
FOOD = """
hot dog; taco; corn=ear of corn; tomato; carrot; eggplant/aubergine; broccoli; pumpkin/jack-o-lantern=jack-o-lantern; grapes; watermelon; orange fruit/tangerine/mandarin=tangerine; lemon; banana; pineapple;
apple=red apple; green apple; pear; peach; cherries; strawberry; avocado; burger/hamburger=hamburger; pizza; french fries/fries; sushi; fried egg=cooking; cheese=cheese wedge; bread/loaf=bread; croissant; pancakes;
ice cream cone/soft ice cream=soft ice cream; ice cream/sundae; donut/doughnut=doughnut; cookie/biscuit=cookie; lollipop; cupcake/muffin; cake slice/shortcake/slice of cake=shortcake; birthday cake/cake=birthday cake;
popcorn; coffee/tea/cup of coffee=hot beverage; cocktail=cocktail glass; beer=beer mug; teapot; bubble tea
"""
PLACES = """
volcano; earth/globe/planet earth=globe showing europe-africa; crescent moon/moon=crescent moon; full moon; sun; star; rainbow; cloud; rain cloud=cloud with rain; mountain/snowy mountain=snow-capped mountain; island/desert island=desert island;
house/home=house; castle; tent; circus tent; ferris wheel; fire/flame=fire; droplet/water drop=droplet; wave=water wave; snowflake; snowman=snowman without snow; lightning bolt/lightning=high voltage; umbrella; planet/saturn=ringed planet;
rocket/spaceship/space rocket=rocket; ufo/flying saucer=flying saucer; helicopter; airplane/plane/jet=airplane; train=train; bus; ambulance; fire truck/fire engine=fire engine; police car; taxi/cab=taxi; car/automobile=automobile;
truck=delivery truck; tractor; motorcycle/motorbike=motorcycle; racing car/race car=racing car; bicycle/bike=bicycle; ship; sailing boat/sailboat/sailing ship=sailboat; anchor; parachute; alarm clock; hourglass=hourglass done
"""
THINGS = """
christmas tree; gift/present=wrapped gift; balloon; artist palette/paint palette=artist palette; trophy/cup=trophy; gold medal/medal=sports medal; basketball; football/soccer ball=soccer ball; tennis ball=tennis; 8 ball=pool 8 ball;
dice/die=game die; dartboard/target=bullseye; game controller/video game=video game; crystal ball; magic wand; teddy bear; kite; backpack; headphones=headphone; microphone; guitar; drum; trumpet; lantern=red paper lantern; crown; top hat; graduation cap;
glasses; sunglasses; t-shirt/shirt=t-shirt; dress; sneaker/running shoe/shoe=running shoe; ring/diamond ring=ring; gem/diamond/jewel=gem stone; light bulb; bomb; money bag; laptop; book=closed book; envelope/letter=envelope;
package/cardboard box/box=package; camera; television/tv=television; battery; magnifying glass=magnifying glass tilted left; key; padlock/lock=locked; bell; hammer; axe; scissors; pencil; candle; telescope; microscope; dagger/knife=dagger;
shield; chair; door; magnet; gear/cog=gear; heart=red heart; broken heart; bone; brain; seashell/shell=spiral shell
"""
CREATURES = """
ghost; alien; alien monster/space invader=alien monster; skull; robot; ogre; goblin; poop=pile of poo; santa claus/santa=santa claus; princess; wizard/mage=man mage; witch/sorceress=woman mage; mermaid; vampire=man vampire; zombie=man zombie; ninja;
astronaut=man astronaut; clown=clown face; devil/imp=smiling face with horns
"""
FACES = """
smiley/happy face/smiling face=grinning face; face with sunglasses/cool face=smiling face with sunglasses; winking face; heart eyes face/face with heart eyes=smiling face with heart-eyes; laughing face/crying laughing face=face with tears of joy;
crying face/sad face=loudly crying face; angry face=enraged face; sleeping face; nerd face/nerd=nerd face; cowboy/cowboy face=cowboy hat face; scared face=face screaming in fear; surprised face=face with open mouth; party face=partying face;
star eyes face/star-struck=star-struck; exploding head
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


if __name__ == '__main__':
    # The page's list of words: python nouns.py > ../www/src/app/create/known_words.json
    import json
    print(json.dumps({kind: [n.name for n in nouns() if n.kind == kind] for kind in KINDS}, indent=1))
