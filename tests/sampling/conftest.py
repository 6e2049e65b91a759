"""A model and an automaton over letters; files with another setting have their own."""

import pytest
from oracles.letter_texts import letter_automaton, letter_model


@pytest.fixture(scope="module")
def model():
    return letter_model()


@pytest.fixture
def auto():
    return letter_automaton()
