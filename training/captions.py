"""Captions of composed pictures. Words only: nothing here looks at a picture."""
import re

from scenes import SCENES

STYLE_WORDS = {
    '3d': ['3d', '3d render', '3d style', 'glossy 3d render'],
    'flat': ['flat', 'flat vector', 'flat style', 'flat design'],
    'cartoon': ['cartoon', 'cartoon style', 'detailed cartoon'],
    'sticker': ['sticker', 'a sticker', 'die-cut sticker'],
}
NUMBERS = {2: 'two', 3: 'three'}
PREFIXES = ('a picture of ', 'an emoji of ', 'an icon of ', 'emoji, ', 'a drawing of ')
NO_ARTICLE = {'bacon', 'popcorn', 'corn', 'milk', 'bread', 'salad', 'wood', 'butter', 'spaghetti', 'cheese', 'garlic', 'dna', 'sushi', 'coral', 'poop', 'yarn', 'earth', 'fire',
              'pasta', 'wine', 'beer', 'champagne', 'coffee', 'tea', 'chocolate', 'honey', 'planet earth', 'camping', 'lightning', 'meat', 'ramen', 'santa claus', 'santa', 'luggage', 'saturn'}


def is_plural(word):
    head = word.split(' with ')[0]
    return head.endswith('s') and not head.endswith(('ss', 'us', 'compass', 'octopus', 'cactus'))


def article(word):
    """`cat` -> `a cat`; what is a plural or takes none stays as it is."""
    if is_plural(word) or word in NO_ARTICLE:
        return word
    return ('an ' if word[0] in 'aeiou' and not word.startswith(('uni', 'ufo')) else 'a ') + word


def plural(word):
    """`cat face` -> `cat faces`, `cup of coffee` -> `cups of coffee`."""
    head, sep, tail = word.partition(' of ')
    if not is_plural(head):
        if head.endswith(('ss', 'us', 'sh', 'ch', 'x')):
            head += 'es'
        elif re.search('[^aeiou]y$', head):
            head = head[:-1] + 'ies'
        elif head not in ('sheep', 'fish', 'deer', 'moose', 'bison', 'tropical fish', 'squid', 'shrimp'):
            head += 's'
    return head + sep + tail


def background_words(bg, rng):
    if bg[0] == 'scene':
        return rng.choice(SCENES[bg[1]])
    if bg[0] == 'gradient':
        return rng.choice([f' on a {bg[1]} and {bg[2]} gradient background', f' on a gradient background from {bg[1]} to {bg[2]}'])
    if bg[1] != 'white':
        return rng.choice([f' on {article(bg[1])} background'] * 2 + [f', {bg[1]} background'])
    return rng.choice([' on a white background', ', white background']) if rng.random() < 0.15 else ''


def named(art, subject, rng, synonyms=0.35):
    """`red cat`: the noun itself mostly, else one of its other words."""
    noun = art.by_name.get(subject['noun'])
    word = subject['noun']
    if noun and len(noun.words) > 1 and rng.random() < synonyms:
        word = rng.choice(noun.words[1:])
    return f"{subject['colour']} {word}" if subject['colour'] else word


def caption(art, rec, rng):
    """One caption of a record, sampled anew each time it is trained on."""
    words = [named(art, s, rng) for s in rec['subjects']]
    if rec['count'] > 1:
        text = NUMBERS[rec['count']] + ' ' + plural(words[0])
    elif rec['relation']:
        text = f"{article(words[0])} {rec['relation']} {article(words[1])}"
    else:
        text = article(words[0]) if rng.random() < 0.75 else words[0]
    if rng.random() < 0.08:
        text = rng.choice(PREFIXES) + text
    text += background_words(rec['bg'], rng)
    # No style word means mostly the 3D look, so that plain prompts have one clear answer.
    if rng.random() < (0.45 if rec['style'] == '3d' else 0.95):
        word = rng.choice(STYLE_WORDS[rec['style']])
        text = f'{text}, {word}' if rng.random() < 0.75 else f'{word}, {text}'
    return text
