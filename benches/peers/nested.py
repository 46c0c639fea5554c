"""Events of three kinds, as a social network's public stream has them: the second data set.

Kinds interleave and have different keys. Texts are full of escapes, of letters beyond ASCII and of both ways to write
them. `commit.record.subject` is a string where somebody follows, and an object where somebody likes. The same seed
gives the same bytes.
"""

import json
import multiprocessing
import random

LINES_PER_CHUNK = 2_000
FIRST_US = 1_725_911_162_329_308
BASE32 = "abcdefghijklmnopqrstuvwxyz234567"

POST, LIKE = "app.bsky.feed.post", "app.bsky.feed.like"
REPOST, FOLLOW = "app.bsky.feed.repost", "app.bsky.graph.follow"

WORDS = (
    "tide mill wheel water gate sluice grain stone pond moon harbour gull rope keel lantern ebb flood "
    "Mühle Gezeiten café naïve Ångström señal вода мельница луна 潮 水車 満月 🌊 🌙 ⚙️ 👩‍🔬 ✨ "
    '"quoted" C:\\tide\\log and/or https://tide.example/a?b=1&c=2 line\nbreak tab\tstop'
).split(" ")


class Pools:
    """Parts of lines, written as JSON once and drawn many times."""

    def __init__(self, seed):
        rng = random.Random(f"pools {seed}")
        self.dids = ["did:plc:" + letters(rng, 24) for _ in range(20_000)]
        self.cids = ["bafyrei" + letters(rng, 52) for _ in range(20_000)]
        self.keys = ["3l" + letters(rng, 11) for _ in range(20_000)]
        self.texts = [text(rng) for _ in range(5_000)]


def letters(rng, count):
    return "".join(rng.choices(BASE32, k=count))


def text(rng):
    """A text as a JSON string: escaped beyond ASCII or not, as writers of JSON do it."""
    words = " ".join(rng.choices(WORDS, k=rng.randint(3, 45)))
    written = json.dumps(words, ensure_ascii=rng.random() < 0.5)
    return written.replace("/", "\\/") if rng.random() < 0.3 else written


class Writer:
    """Lines of one chunk."""

    def __init__(self, pools, seed, chunk):
        rng = random.Random(f"lines {seed} {chunk}")
        self.random, self.choose = rng.random, rng.choice
        self.pools = pools

    def line(self, number):
        did = self.choose(self.pools.dids)
        head = f'{{"did":"{did}","time_us":{FIRST_US + number * 37},'
        dice = self.random()
        if dice < 0.9:
            return f'{head}"kind":"commit","commit":{self.commit()}}}\n'
        tail = f'"did":"{did}","seq":{number + 1_409_753_013},"time":"{self.instant()}"'
        if dice < 0.96:
            handle = self.choose(self.pools.keys)
            return f'{head}"kind":"identity","identity":{{"handle":"{handle}.tide.example",{tail}}}}}\n'
        active = '"active":true' if dice < 0.99 else '"active":false,"status":"deactivated"'
        return f'{head}"kind":"account","account":{{{active},{tail}}}}}\n'

    def commit(self):
        rev, rkey, dice = self.choose(self.pools.keys), self.choose(self.pools.keys), self.random()
        collection, record = self.record()
        where = f'"collection":"{collection}","rkey":"{rkey}"'
        if dice < 0.1:
            return f'{{"rev":"{rev}","operation":"delete",{where}}}'
        operation = "create" if dice < 0.97 else "update"
        cid = self.choose(self.pools.cids)
        return f'{{"rev":"{rev}","operation":"{operation}",{where},"record":{record},"cid":"{cid}"}}'

    def record(self):
        dice = self.random()
        if dice < 0.45:
            return POST, self.post(dice)
        if dice < 0.75:
            return LIKE, self.short(LIKE, self.link())
        if dice < 0.85:
            return REPOST, self.short(REPOST, self.link())
        return FOLLOW, self.short(FOLLOW, f'"{self.choose(self.pools.dids)}"')

    def short(self, collection, subject):
        return f'{{"$type":"{collection}","createdAt":"{self.instant()}","subject":{subject}}}'

    def post(self, dice):
        langs = '["en"]' if dice < 0.3 else '["de","ja"]'
        reply = f',"reply":{{"parent":{self.link()},"root":{self.link()}}}' if dice < 0.15 else ""
        written = self.choose(self.pools.texts)
        return f'{{"$type":"{POST}","createdAt":"{self.instant()}","langs":{langs}{reply},"text":{written}}}'

    def link(self):
        cid, did, key = self.choose(self.pools.cids), self.choose(self.pools.dids), self.choose(self.pools.keys)
        return f'{{"cid":"{cid}","uri":"at://{did}/{POST}/{key}"}}'

    def instant(self):
        ms = int(self.random() * 60_000)
        return f"2024-09-09T19:46:{ms // 1000:02}.{ms % 1000:03}Z"


def prepare(seed):
    """Makes the pools once in each process."""
    global POOLS
    POOLS = Pools(seed)


def chunk(job):
    seed, first, last = job
    writer = Writer(POOLS, seed, first)
    return "".join(writer.line(number) for number in range(first, last)).encode()


def write(path, num_lines, seed, processes):
    """Writes the file. Chunks are small, so that little waits in memory."""
    firsts = range(0, num_lines, LINES_PER_CHUNK)
    jobs = [(seed, first, min(first + LINES_PER_CHUNK, num_lines)) for first in firsts]
    with multiprocessing.Pool(processes, prepare, (seed,)) as pool, open(path, "wb") as file:
        for lines in pool.imap(chunk, jobs):
            file.write(lines)
