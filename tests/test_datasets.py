"""What every data set tells of itself, whoever loads it through TFDS."""

import pathlib

import pytest

import Datasets

BUILDERS = Datasets.DATASETS | Datasets.FEATURE_SETS
HOMELESS = {"stems", "sop", "clarinet4science", "chamber"}  # not published, or nowhere


@pytest.mark.parametrize("name", BUILDERS)
def test_a_data_set_tells_its_description_citation_licence_and_home(tmp_path, name):
    made = BUILDERS[name](data_dir=str(tmp_path))
    folder = pathlib.Path("Datasets") / name
    assert made.info.description == (folder / "README.md").read_text("utf-8").strip()
    assert made.info.citation == (folder / "CITATIONS.bib").read_text("utf-8").strip()
    assert made.info.redistribution_info.license
    # Without one, TFDS invents a page of its catalogue.
    assert (made.homepage is None) == (name in HOMELESS)
    assert made.homepage is None or made.info.homepage == made.homepage
    if made.homepage:
        assert made.homepage in made.info.description
