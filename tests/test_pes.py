"""Energy where there should be none, and plain SNR, are what their definitions say."""

import numpy as np
import pytest

from Schema import InputError
from Scores import pes, snr

RATE = 100
NAMES = ("vn", "vc")


def tracks(seed=0, n_time=450, n_channels=1):
    """References, of which "vn" pauses in its second frame, and noisy estimates."""
    rng = np.random.default_rng(seed)
    references = rng.normal(size=[2, n_time, n_channels])
    references[0, 100:200] = 0
    estimates = references + 0.1 * rng.normal(size=references.shape)
    return references, estimates


def silence(references, estimates, **options):
    mix = references.sum(axis=0)
    return pes.silence(NAMES, references, estimates, mix, RATE, **options)


def test_the_energy_of_an_estimate_in_a_pause_is_the_sum_of_its_squares():
    references, estimates = tracks()
    estimates[0, 100:200] = 3.0
    found = silence(references, estimates)
    assert found.pes.shape == (2, 4) and found.absent == ()
    assert found.pes[0, 1] == pytest.approx(10 * np.log10(900), abs=1e-9)
    assert np.isnan(np.delete(found.pes[0], 1)).all() and np.isnan(found.pes[1]).all()
    assert found.pes_of("vn") == found.pes[0, 1] and np.isnan(found.pes_of("vc"))
    assert np.isnan(found.leak).all()


def test_overlapping_frames_are_those_of_the_published_example():
    # 1 s of 10 samples at half overlap; both pauses fill two frames in part only.
    reference, estimate = np.full([1, 40, 1], 2.0), np.full([1, 40, 1], -3.0)
    reference[0, 10:20] = reference[0, 25:35] = 0
    found = pes.silence(["vox"], reference, estimate, reference[0], 10, 1.0, 0.5)
    assert np.flatnonzero(np.isfinite(found.pes[0])).tolist() == [2, 5]
    np.testing.assert_allclose(found.pes[0, [2, 5]], 10 * np.log10(90))


def test_an_absent_source_leaks_what_its_estimate_holds_of_the_mixture():
    references, estimates = tracks()
    references[1] = 0
    mix = references.sum(axis=0)
    estimates[1] = 0.1 * mix
    found = pes.silence(NAMES, references, estimates, mix, RATE)
    assert found.absent == ("vc",)
    assert found.leak_of("vc") == pytest.approx(-20, abs=1e-9)
    assert np.isnan(found.leak_of("vn"))
    energies = np.sum((0.1 * mix[:400, 0]).reshape(4, 100) ** 2, axis=1)
    expected = 10 * np.log10(energies + 1e-12)
    np.testing.assert_allclose(found.pes[1], expected, atol=1e-9)
    assert found.pes_of("vc") == pytest.approx(expected.mean())
    assert found.pes_of("vc") < -20  # for the mixture pauses in one of the frames


def test_the_leak_does_not_depend_on_gain_or_rate_but_pes_does():
    references, estimates = tracks()
    references[1] = 0
    one = silence(references, estimates)
    ten = silence(10 * references, 10 * estimates)
    twice = silence(references.repeat(2, axis=1), estimates.repeat(2, axis=1))
    np.testing.assert_allclose(ten.leak, one.leak, atol=1e-9)
    np.testing.assert_allclose(twice.leak, one.leak, atol=1e-9)
    assert ten.pes_of("vc") == pytest.approx(one.pes_of("vc") + 20, abs=1e-6)


def test_silence_at_silence_is_the_floor_and_is_counted():
    references, estimates = tracks()
    estimates[0, 100:200] = 0
    references[1] = 0
    found = silence(references, estimates)
    assert found.pes_of("vn") == pes.FLOOR and found.eps_of("vn") == pes.FLOOR
    assert found.at_floor("vn") == (1, 1) and found.at_floor("vc") == (4, 0)
    estimates[1] = 0
    assert silence(references, estimates).leak_of("vc") == pes.FLOOR


def test_what_an_estimate_misses_is_the_energy_of_its_reference():
    references, estimates = tracks()
    estimates[1, 200:300] = 0
    found = silence(references, estimates)
    expected = 10 * np.log10(np.sum(references[1, 200:300] ** 2))
    assert found.eps_of("vc") == pytest.approx(expected, abs=1e-9)
    assert np.isnan(found.pes_of("vc"))


def test_a_reference_below_a_threshold_counts_as_silent():
    references, estimates = tracks(n_channels=2)
    references[0, 100:200] = 0.001  # -60 dB
    assert np.isnan(silence(references, estimates).pes_of("vn"))
    assert np.isnan(silence(references, estimates, threshold=-60.1).pes_of("vn"))
    assert np.isfinite(silence(references, estimates, threshold=-59.9).pes_of("vn"))


def test_channels_that_cancel_are_not_silent():
    references, estimates = tracks(n_channels=2)
    references[0, 100:200] = [1.0, -1.0]
    assert np.isnan(silence(references, estimates).pes_of("vn"))


def test_a_track_shorter_than_a_frame_is_one_frame():
    references, estimates = np.zeros([2, 30, 1]), np.ones([2, 30, 1])
    found = pes.silence(NAMES, references, estimates, np.ones([30, 1]), RATE)
    np.testing.assert_allclose(found.pes, 10 * np.log10(30))


def test_tables_take_the_mean_over_tracks_and_keep_pauses_apart():
    pause, absent, full = (tracks(seed) for seed in range(3))
    pause[1][0, 100:200] = 0
    absent[0][0] = 0
    full[0][0] = 1
    found = [silence(*pair) for pair in (pause, absent, full)]
    mean, n, frames, at_floor = pes.table_mean(found, "vn", absent=True)
    assert (mean, n, frames, at_floor) == (found[1].pes_of("vn"), 1, 4, 0)
    assert pes.table_mean(found, "vn", absent=False) == (pes.FLOOR, 1, 1, 1)
    assert pes.table_mean(found, "vc", absent=True) == (None, 0, 0, 0)


@pytest.mark.parametrize(
    "names, mix, message",
    [
        (("vn",), (450, 1), r"2 references need as many different names, not \['vn'\]"),
        (("vn", "vn"), (450, 1), "different names"),
        (NAMES, (449, 1), r"the mixture is \[449, 1\]"),
    ],
)
def test_names_and_mixtures_that_do_not_fit_are_refused(names, mix, message):
    with pytest.raises(InputError, match=message):
        pes.silence(names, *tracks(), np.zeros(mix), RATE)


def test_plain_snr_is_that_of_the_error():
    references, estimates = tracks(n_channels=2)
    found = snr.snr(references, estimates)
    errors = ((references - estimates) ** 2).sum(axis=(1, 2))
    wanted = 10 * np.log10((references**2).sum(axis=(1, 2)) / errors)
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert snr.snr(references, references / 2) == pytest.approx(20 * np.log10(2))
    assert np.isinf(snr.snr(references, references)).all()
    assert np.isnan(snr.snr(0 * references, estimates)).all()


def test_the_delta_of_the_challenge_makes_every_score_finite():
    references, estimates = tracks()
    energy = np.sum(references**2, axis=(1, 2))
    perfect = snr.snr(references, references, snr.CHALLENGE)
    np.testing.assert_allclose(perfect, 10 * np.log10(energy / 1e-7 + 1))
    assert np.isfinite(snr.snr(0 * references, estimates, snr.CHALLENGE)).all()


def test_frames_are_scored_alone_and_only_whole_ones():
    references, estimates = tracks()
    found = snr.snr_frames(references, estimates, RATE)
    assert found.shape == (2, 4) and np.isnan(found[0, 1])
    alone = snr.snr(references[:, 200:300], estimates[:, 200:300])
    np.testing.assert_allclose(found[:, 2], alone)


def test_what_has_no_snr_is_refused():
    with pytest.raises(InputError, match=r"\[1, 2, 1\] and \[1, 3, 1\]"):
        snr.snr(np.ones([1, 2, 1]), np.ones([1, 3, 1]))
    with pytest.raises(InputError, match="delta must be 0 or more, not -1"):
        snr.snr(np.ones([1, 2, 1]), np.ones([1, 2, 1]), -1)
    with pytest.raises(InputError, match="holds no sample"):
        snr.snr_frames(np.ones([1, 2, 1]), np.ones([1, 2, 1]), 10, 0.0)
