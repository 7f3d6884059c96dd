from __future__ import annotations

import re

import pytest

from vitruvian import weights
from vitruvian.errors import OptionError
from vitruvian.weights import UrlOrigin, WheelOrigin
from vitruvian.weights.catalogue import BUNDLE, builtin_catalogue

MODELS = weights.list_models()


def test_the_models_are_listed() -> None:
    assert [(model.name, model.alias, model.task) for model in MODELS] == [
        ("pose-full", "full", "pose"),
        ("pose-lite", "lite", "pose"),
        ("pose-full-task", "full-task", "pose"),
        ("pose-heavy", "heavy", "pose"),
        ("hands-full", "full", "hands"),
        ("hands-lite", "lite", "hands"),
        ("hands-task", "task", "hands"),
    ]


def test_names_are_unique_and_aliases_are_within_their_task() -> None:
    names = [model.name for model in MODELS]
    aliases = [(model.task, model.alias) for model in MODELS]
    assert len({*names}) == len(names)
    assert len({*aliases}) == len(aliases)
    assert not {alias for _, alias in aliases} & {*names}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_model_fills_the_roles_of_its_task(model: weights.ModelInfo) -> None:
    roles = [role.name for role in builtin_catalogue().roles(model.task)]
    assert [file.role for file in model.files] in (roles, [BUNDLE])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_what_comes_from_a_wheel_is_known_to_the_byte_and_what_comes_from_a_url_is_one_bundle(
    model: weights.ModelInfo,
) -> None:
    if isinstance(model.origin, WheelOrigin):
        assert {*model.origin.members} == {file.name for file in model.files}
        digests = [model.origin.wheel.sha256, *(file.sha256 or "" for file in model.files)]
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)
        assert all(file.size for file in model.files)
    else:
        assert isinstance(model.origin, UrlOrigin)
        assert model.origin.url.startswith("https://")
        assert model.origin.url.endswith(f"/{model.files[0].name}")
        assert [file.role for file in model.files] == [BUNDLE]


def test_a_folder_accepts_every_name_that_the_wheel_and_the_bundle_use() -> None:
    for model in MODELS:
        for role in builtin_catalogue().roles(model.task):
            assert role.member in role.names
            assert all(file.name in role.names for file in model.files if file.role == role.name)


def test_models_are_found_by_name_or_by_alias_within_the_task() -> None:
    catalogue = builtin_catalogue()
    assert catalogue.find("pose-full") is catalogue.find("full") is MODELS[0]
    assert catalogue.find("pose-full", task="hands") is MODELS[0]
    assert catalogue.find("full", task="hands") is catalogue.find("hands-full") is MODELS[4]
    assert catalogue.find("heavy", task="hands") is None
    assert catalogue.find("nothing") is None


def test_an_unknown_task_lists_the_tasks() -> None:
    with pytest.raises(OptionError, match="task is 'feet'; expected one of: pose"):
        weights.load("full", task="feet")


def test_origins_read_as_the_place_they_are() -> None:
    assert str(MODELS[0].origin) == "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl"
    assert str(MODELS[1].origin).startswith("https://")


def test_the_public_names_are_sorted() -> None:
    assert list(weights.__all__) == sorted(weights.__all__)
    assert all(hasattr(weights, name) for name in weights.__all__)
