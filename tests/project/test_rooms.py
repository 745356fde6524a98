"""The picture of the rooms shows what the imports are."""

from tests.project.rooms import PICTURE, count_imports, draw, find_upwards, read_layers


def test_the_picture_in_the_docs_is_that_of_the_imports() -> None:
    assert PICTURE.read_text() == draw(read_layers()), "draw it anew: make rooms"


def test_no_arrow_leads_upwards() -> None:
    rooms = {room: number for number, layer in enumerate(read_layers()) for room in layer}
    assert find_upwards(rooms, count_imports(rooms)) == []
