"""Named configurations that train what sees and hears, and separate nothing.

    python Training.py with pretrain_audioset

A separator then begins with parts of it: `training.warm_start=runs/1` and
`training.warm_start_patterns=['frames/*','encoder/*']`.
"""

from Console.corpora import CORPORA
from Console.sections import SEEN_WITH

MODEL = {"name": "correspondence"}
# One source of one recording at a time; so validation draws its windows from all
# recordings, too, and always the same ones.
SOLOS = {"sources_min": 1, "sources_max": 1}
# Korbar et al., "Cooperative Learning of Audio and Video Models from Self-Supervised
# Synchronization", NeurIPS 2018, begin with pairs of other recordings, and add those of
# other times: training.loss="correspondence + synchrony", warm-started from this.
TRAINING = {"loss": "correspondence", "batch_size": 32}
PICTURES = {"front_end": "players_frames"}

PRETRAINING = {
    # Sound and sight of one recording are told from those of others: Arandjelovic,
    # Zisserman, "Objects that Sound", ECCV 2018.  The model and its training alone; it
    # follows the name of a data set of solos, or of one sound a clip.  No figure of
    # these networks was published.
    # python Prepare.py with solos pretrain visual.front_end=solos_skeleton
    # python Training.py with solos pretrain visual.front_end=solos_skeleton
    "pretrain": {
        "mixing": SOLOS,
        "visual": {"front_end": SEEN_WITH},
        "model": MODEL,
        "training": TRAINING,
    },
    # On what is left of AudioSet, as in that paper (there 50 classes of it).
    # python Prepare.py with pretrain_audioset data.raw=FOLDER
    # python Training.py with pretrain_audioset
    "pretrain_audioset": {
        **CORPORA["audioset"],
        "mixing": SOLOS,
        "visual": PICTURES,
        "model": MODEL,
        "training": TRAINING,
    },
    # On solos in folders as MUSIC has them: Zhao et al., "The Sound of Motions", 2019.
    # python Prepare.py with pretrain_music data.raw=FOLDER
    # python Training.py with pretrain_music
    "pretrain_music": {
        **CORPORA["music21"],
        "mixing": SOLOS,
        "visual": PICTURES,
        "model": MODEL,
        "training": TRAINING,
    },
}
