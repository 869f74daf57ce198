"""Named configurations of the data sets: which recordings, and which labels.

    python Prepare.py with musdb_vocals baseline_stereo data.raw=MUSDB18
    python Training.py with musdb_vocals baseline_stereo

Each is a data section; networks and their training follow it, by their own names.
"""

import Schema

MUSDB = {"name": "musdb18", "splits": "parser"}
MUSDB |= {"sources": ["bass", "drums", "other", "vocals"]}
VOCALS = {"label_map": ["vocals=vocals", "*=accompaniment"]}
VOCALS |= {"sources": ["accompaniment", "vocals"]}

MUSIC = {"name": "music", "partial": True}
MUSIC_11 = (
    "accordion acoustic_guitar cello clarinet erhu flute saxophone trumpet tuba violin "
    "xylophone"
).split()
MUSIC_21 = "bagpipe banjo bassoon congas drum electric_bass guzheng piano pipa ukulele"
MUSIC_21 = sorted(MUSIC_11 + MUSIC_21.split())

DUOS = [
    *("acoustic_guitar violin", "saxophone acoustic_guitar"),
    *("clarinet acoustic_guitar", "cello acoustic_guitar", "flute violin"),
    *("flute trumpet", "xylophone acoustic_guitar", "xylophone flute", "trumpet tuba"),
]

# Of two instruments that differ, as in both papers on sounding pixels below.
PAIRS = {"sources_min": 2, "sources_max": 2, "instruments": "different"}

CORPORA = {
    # Rafii et al., "The MUSDB18 corpus for music separation", 2017: 150 songs; 86 to
    # train, 14 to validate and 50 to test, as the musdb parser has them.  They are
    # 44,100 Hz and stereo, which names of networks ask for.
    # python Prepare.py with musdb full_multi_instrument data.raw=MUSDB18
    # python Training.py with musdb full_multi_instrument
    "musdb": {"data": MUSDB},
    # The same, what is sung against all else: the task of M1 to M5.
    # python Prepare.py with musdb_vocals baseline_stereo data.raw=MUSDB18
    # python Training.py with musdb_vocals baseline_stereo
    "musdb_vocals": {"data": MUSDB | VOCALS},
    # MUSDB18-HQ, 2019: the same songs from wav files, up to 22 kHz.
    # python Prepare.py with musdb_hq full_multi_instrument data.raw=MUSDB18-HQ
    # python Training.py with musdb_hq full_multi_instrument
    "musdb_hq": {"data": MUSDB | {"name": "musdb18_hq"}},
    # Any folder of stems (Datasets/stems/README.md); data.sources are then the labels.
    # python Prepare.py with stems data.raw=FOLDER 'data.label_map=["*vo*=vo", "*=all"]'
    # python Training.py with stems 'data.label_map=["*vo*=vo", "*=all"]' \
    #     'data.sources=["all", "vo"]'
    "stems": {"data": {"name": "stems", "splits": "folders"}},
    # Gemmeke et al., "Audio Set", ICASSP 2017: what is left of its clips on YouTube.
    # One sound a clip; data.label_map chooses classes and gives them labels, which are
    # data.sources then.
    # python Prepare.py with audioset data.raw=FOLDER visual.front_end=players_frames
    # python Training.py with audioset
    "audioset": {
        "data": {
            "name": "audioset",
            "splits": "balanced",
            "sources": ["sound"],
            "partial": True,
            "keep_going": True,
        }
    },
    # The home-made set of the 2018 VIMSS after Zhao et al., "The Sound of Pixels", ECCV
    # 2018: solos of eight instruments, slots in the order of its label vector.  A track
    # has one source: mixtures are made in training (section mixing).
    # python Prepare.py with sop data.raw=FOLDER
    # python Training.py with sop
    "sop": {
        "mixing": PAIRS,
        "data": {
            "name": "sop",
            "splits": "folders",
            "sample_rate": 22050,
            "sources": [
                *("xylophone", "violin", "tuba", "trumpet"),
                *("flute", "erhu", "clarinet", "cello"),
            ],
        },
    },
    # Wu et al., "The Chamber Ensemble Generator", 2022: chorales that networks composed
    # and play on URMP's instruments, so that what is trained here is tested on URMP.
    # python Prepare.py with cocochorales data.raw=FOLDER
    # python Training.py with cocochorales baseline_context
    "cocochorales": {
        "data": {
            "name": "cocochorales",
            "splits": "published",
            "sample_rate": 16000,
            "sources": list(Schema.INSTRUMENTS),
        }
    },
    # Zhao et al., "The Sound of Pixels", ECCV 2018: solos of 11 instruments on YouTube,
    # those that are still to be had.  Each is a track of one source: mixtures of two
    # are made in training.
    # python Prepare.py with music visual.front_end=players_frames data.raw=FOLDER
    # python Training.py with music
    "music": {
        "data": {**MUSIC, "splits": "music11", "sources": MUSIC_11},
        "mixing": PAIRS,
    },
    # Zhao et al., "The Sound of Motions", ICCV 2019: the same of 21 instruments.
    # python Prepare.py with music21 visual.front_end=players_motion data.raw=FOLDER
    # python Training.py with music21
    "music21": {
        "data": {**MUSIC, "splits": "music21", "sources": MUSIC_21},
        "mixing": PAIRS,
    },
    # Its duets, of which nobody has stems: one source, two players; to be separated by
    # networks of others, to be heard and seen.
    # python Prepare.py with music_duets visual.front_end=players_motion data.raw=FOLDER
    # python Training.py with music_duets
    "music_duets": {"data": {**MUSIC, "splits": "duets", "sources": DUOS}},
    # Montesinos et al., "Solos", MMSP 2020: solos of URMP's instruments on YouTube and
    # their players' key points, for what is tested on URMP.
    # python Prepare.py with solos visual.front_end=solos_skeleton data.raw=FOLDER
    # python Training.py with solos mixing.sources_max=4
    "solos": {
        "mixing": PAIRS,
        "data": {
            "name": "solos",
            "splits": "by_hash",
            "sources": list(Schema.INSTRUMENTS),
            "partial": True,
        },
    },
    # Bazzica et al., "Vision-based detection of acoustic timed events", 2017: nine
    # clarinettists who each play alone; data.pattern tells where their files are.
    # python Prepare.py with clarinet4science data.raw=FOLDER
    # python Training.py with clarinet4science
    "clarinet4science": {
        "data": {"name": "clarinet4science", "splits": "by_player", "sources": ["cl"]}
    },
}
