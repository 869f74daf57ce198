"""What was published, or follows by formula, of every named configuration."""

from tests.parameter_counts import spectrogram_parameters, wave_unet_parameters

# Sources, and parameters of f90's Wave-U-Net and of the 2018 VIMSS, counted in
# TensorFlow 1; where none were published, by formula.
DEEP = dict(num_layers=14, filter_size=5, merge_filter_size=1)
MUSDB = ("musdb", "musdb_hq")
PARAMETERS = {
    "baseline": (2, 10_263_028),
    "baseline_diff": (2, 10_263_002),
    "baseline_context": (2, 10_263_002),
    "baseline_stereo": (2, 10_263_390),
    "full": (2, 10_265_550),
    "full_44KHz": (2, 10_265_550),
    "full_multi_instrument": (4, 10_263_498),
    "baseline_comparison": (2, 20_594_652),
    "baseline_context_smallfilter_deep": (
        2,
        wave_unet_parameters(n_sources=2, output_type="difference", **DEEP),
    ),
    "unet_spectrogram": (2, spectrogram_parameters(2)),
    "unet_spectrogram_l1": (2, spectrogram_parameters(2)),
    "urmp": (13, 10_263_288),
    "urmp_2018": (13, 10_263_288),
    "cexp_labels": (13, 15_654_648),
    "chamber": (13, 10_263_288),
    **dict.fromkeys(MUSDB, (4, wave_unet_parameters(n_sources=4))),
    "musdb_vocals": (2, 10_263_028),
    "stems": (13, wave_unet_parameters(n_sources=13)),
    "sop": (8, wave_unet_parameters(n_sources=8)),
    "cocochorales": (13, wave_unet_parameters(n_sources=13)),
    "music": (11, wave_unet_parameters(n_sources=11)),
    "music21": (21, wave_unet_parameters(n_sources=21)),
    "music_duets": (9, wave_unet_parameters(n_sources=9)),
    "solos": (13, wave_unet_parameters(n_sources=13)),
    "clarinet4science": (1, wave_unet_parameters(n_sources=1)),
    "audioset": (1, wave_unet_parameters(n_sources=1)),
}
# What fusers add, of 13 labels: 24 (i + 1) channels behind level i of 12 on the way up,
# 312 at the bottom; with one decoder for all slots, 11 of 12 last convolutions less.
UP, LABELS, ONE_DECODER = 24 * 78, 13, -11 * 26
FILM_UP, FILM_BOTTOM = 2 * UP * (LABELS + 1), 2 * 312 * (LABELS + 1)
CONDITIONED = {
    "labels_at_input": 15 * (LABELS - 1) * 24,
    "labels_concatenation": 12 * 13 * 14 + 13 * (5 * 24 * 66 + 12),
    "labels_additive_gating": UP * (LABELS + 1),
    "labels_multiplicative_gating": UP * (LABELS + 1),
    "labels_film": FILM_UP,
    "labels_additive_attention": (2 * 312 + 2 * LABELS + 6) * 16 + 312,
    "labels_multiplicative_attention": (2 * 312 + 2 * LABELS + 5) * 16 + 312,
    "labels_or_blind": FILM_UP + LABELS,
    "labels_named": ONE_DECODER + FILM_UP + FILM_BOTTOM,
    "score_film": FILM_UP,
    "score_named": ONE_DECODER + FILM_BOTTOM + 2 * 2 * (312 + UP),
    "labels_and_score": 2 * (FILM_UP + LABELS),
}
# Of D = 319 features an encoder makes 32, by Dense layers of a player and of the others
# and three convolutions of 5 taps; an attention over frames has 5 more offsets.
SEEN, EYES = 319, 32
ENCODER = 2 * 319 * EYES + EYES + 3 * (5 * EYES + 1) * EYES
ATTENTION = (2 * 312 + 2 * EYES + 5 + 5) * 16 + 312
FILM_EYES = 2 * (EYES + 1)
CONDITIONED |= {
    "video_concat": ENCODER + EYES * (EYES + 1) + 5 * EYES * 288,
    "video_film": ENCODER + FILM_EYES * UP,
    "video_attention": ENCODER + ATTENTION,
    "players_attention": (ENCODER + ATTENTION + FILM_EYES * (UP + 312) + ONE_DECODER),
    "labels_and_video": (
        ENCODER + ATTENTION + FILM_EYES * UP + EYES + FILM_UP + LABELS
    ),
}
PARAMETERS |= {name: (13, 10_263_288 + more) for name, more in CONDITIONED.items()}
# The way down, 13 convolutions of 15 taps, what sees, and both into 128 numbers.
DOWN = sum(15 * 24 * max(i, 1 / 24) * 24 * (i + 1) + 24 * (i + 1) for i in range(13))
PRETRAINING = ("pretrain", "pretrain_audioset", "pretrain_music")
PARAMETERS |= {
    name: (None, round(DOWN) + ENCODER + (13 * 24 + EYES) * 128) for name in PRETRAINING
}
SCORE, VISUAL = ["score", "score_start"], ["visual", "visual_start"]
VIDEO = {"video_concat", "video_film", "video_attention", "players_attention"}
READS = {  # beside the mixture; of the others, labels if their name says so
    "labels_or_blind": ["labels", "has_labels"],
    "score_film": SCORE,
    "score_named": ["labels", *SCORE],
    "labels_and_score": ["labels", "has_labels", *SCORE, "has_score"],
    **dict.fromkeys(CONDITIONED.keys() & VIDEO, VISUAL),
    "labels_and_video": ["labels", "has_labels", *VISUAL, "has_visual"],
    **dict.fromkeys(PRETRAINING, [*VISUAL, "has_visual"]),
}
# Samples of a mixture and of an estimate, from the same source.
SAME, CONTEXT, COMPARISON = (16384, 16384), (147443, 16389), (233459, 102405)
LENGTHS = {
    "baseline": SAME,
    "baseline_diff": SAME,
    "baseline_context": CONTEXT,
    "baseline_stereo": CONTEXT,
    "full": CONTEXT,
    "full_44KHz": CONTEXT,
    "full_multi_instrument": CONTEXT,
    "baseline_comparison": COMPARISON,
    "baseline_context_smallfilter_deep": (147463, 16385),
    "unet_spectrogram": (98560, 98560),
    "unet_spectrogram_l1": (98560, 98560),
    "urmp": CONTEXT,
    "urmp_2018": CONTEXT,
    "cexp_labels": CONTEXT,
    "chamber": CONTEXT,
    **dict.fromkeys((*MUSDB, "musdb_vocals", "stems"), SAME),
    **dict.fromkeys(("sop", "cocochorales", "audioset"), SAME),
    **dict.fromkeys(
        ("music", "music21", "music_duets", "solos", "clarinet4science"), SAME
    ),
    **dict.fromkeys(CONDITIONED, CONTEXT),
    **dict.fromkeys(PRETRAINING, (65536, 65536)),
}
