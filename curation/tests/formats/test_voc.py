"""Pascal VOC: one XML per picture, and XML that is made to do harm."""

from __future__ import annotations

import time
from xml.etree import ElementTree as ET

import pytest

from curation.formats.limits import Limits
from curation.formats.refusals import CannotSay, NotOfFormat, TooComplex
from curation.formats.regions import POLYGON, PictureRef, PictureSize, Region
from curation.formats.writing import Options
from curation.tests.formats.files import HD, only, read, told, write_one

SIZE = "<size><width>1280</width><height>720</height><depth>3</depth></size>"
CORNERS = "<bndbox><xmin>128</xmin><ymin>72</ymin><xmax>384</xmax><ymax>216.0</ymax></bndbox>"
OBJECT = f"<object><name>smoke</name>{CORNERS}</object>"
READ = (0.1, 0.1, 0.3, 0.3)


def voc(*objects: str, head: str = "<filename>a.jpg</filename>" + SIZE) -> str:
    return f"<annotation>{head}{''.join(objects)}</annotation>"


def test_a_box_in_pixels_becomes_fractions() -> None:
    parsed = only(read("voc", voc(OBJECT)))
    assert parsed.picture == PictureRef("a.jpg", width=1280, height=720)
    assert [(*region[:5], region.where, region.is_prediction) for region in parsed.regions] == [
        (*READ, "smoke", "object 1", False)
    ]


def test_other_fields_go_along_and_a_confidence_makes_a_prediction() -> None:
    extra = "<pose>Left</pose><truncated>0</truncated><part><name>tip</name></part>"
    said = OBJECT.replace("</object>", f"{extra}<confidence>0.5</confidence><track_id>9</track_id></object>")
    (region,) = only(read("voc", voc(said))).regions
    assert region.attributes == {"pose": "Left", "truncated": "0", "part/name": "tip"}
    assert (region.is_prediction, region.score, region.object_id) == (True, 0.5, "9")


def test_no_objects_are_no_regions() -> None:
    assert only(read("voc", voc())).regions == ()


@pytest.mark.parametrize("content", ["\ufeff" + voc(OBJECT), '<?xml version="1.0"?>\r\n<!-- a -->\r\n' + voc(OBJECT)])
def test_marks_declarations_and_comments_do_not_matter(content: str) -> None:
    assert only(read("voc", content)).regions[0][:4] == READ


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("<xmin>128</xmin>", "", "not a number"),
        ("128", "nan", "not a number"),
        ("128", "0x80", "not a number"),
        ("128", "400", "negative size"),
        ("128", "384", "no area"),
        (CORNERS, "", "not a number"),
        ("smoke", "s" * 201, "label"),
    ],
)
def test_an_object_that_is_none_costs_itself_alone(old: str, new: str, problem: str) -> None:
    parsed = only(read("voc", voc(OBJECT.replace(old, new), OBJECT)))
    assert [region.where for region in parsed.regions] == ["object 2"]
    assert [(where, problem in sentence) for where, sentence in told(parsed)] == [("object 1", True)]


def test_the_size_comes_from_the_file_or_else_from_the_picture() -> None:
    without = voc(OBJECT, head="")
    assert told(only(read("voc", without)))[0][1].startswith("The size of the picture is unknown")
    assert only(read("voc", without, picture=HD)).regions[0][:4] == READ
    zero = voc(OBJECT, head="<size><width>0</width><height>0</height></size>")
    assert only(read("voc", zero, picture=HD)).regions[0][:4] == READ
    other = only(read("voc", voc(OBJECT), picture=PictureSize(640, 360)))
    assert other.regions[0][:4] == READ
    assert told(other) == [("size", "The file is about 1280 x 720 pixels, the picture has 640 x 360.")]


BOMB = '<!DOCTYPE annotation [<!ENTITY a "lol">' + "".join(
    f'<!ENTITY {chr(98 + level)} "{f"&{chr(97 + level)};" * 10}">' for level in range(9)
)


@pytest.mark.parametrize(
    "content",
    [
        BOMB + "]><annotation>&j;</annotation>",
        '<!DOCTYPE annotation [<!ENTITY a "' + "x" * 100_000 + '">]><annotation>' + "&a;" * 100_000 + "</annotation>",
        '<!DOCTYPE annotation [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><annotation/>',
        '<!DOCTYPE annotation SYSTEM "http://127.0.0.1:9/x.dtd"><annotation/>',
        '<!DOCTYPE annotation [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>',
        "<!DOCTYPE annotation><annotation/>",
    ],
)  # fmt: skip
def test_a_document_type_is_refused_at_once(content: str) -> None:
    begun = time.process_time()
    with pytest.raises(TooComplex, match="document type"):
        read("voc", content)
    assert time.process_time() - begun < 0.05


def test_includes_schemas_and_instructions_fetch_nothing() -> None:
    include = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
    schema = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a http://127.0.0.1:9/x.xsd"'
    content = '<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?>' + voc(include, OBJECT)
    parsed = only(read("voc", content.replace("<annotation>", f"<annotation {schema}>")))
    assert [region[:5] for region in parsed.regions] == [(*READ, "smoke")]
    assert "root:" not in repr(parsed)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<annotation>",
        "<annotation/>x",
        "<annotations/>",
        "{}",
        "<annotation>&nope;</annotation>",
        "<a\0/>",
        b"<annotation>\xff",
    ],
)
def test_other_xml_and_broken_xml_are_refused(content: str | bytes) -> None:
    with pytest.raises(NotOfFormat):
        read("voc", content)


def test_depth_elements_attributes_and_objects_end_at_their_limits() -> None:
    limits = Limits(depth=4, xml_elements=8, xml_attributes=2, regions=2)
    assert only(read("voc", voc("<a><b><c/></b></a>", head=""), limits=limits))
    with pytest.raises(TooComplex, match="deeper than 4"):
        read("voc", voc("<a><b><c><d/></c></b></a>", head=""), limits=limits)
    assert only(read("voc", voc("<a/>" * 7, head=""), limits=limits))
    with pytest.raises(TooComplex, match="more than 8 elements"):
        read("voc", voc("<a/>" * 8, head=""), limits=limits)
    assert only(read("voc", voc('<a b="1" c="2"/>', head=""), limits=limits))
    with pytest.raises(TooComplex, match="more than 2 attributes"):
        read("voc", voc('<a b="1" c="2" d="3"/>', head=""), limits=limits)
    assert only(read("voc", voc("<object/>" * 2, head=""), limits=limits))
    with pytest.raises(TooComplex, match="more than 2 regions"):
        read("voc", voc("<object/>" * 3, head=""), limits=limits)


def test_the_real_limits_of_xml_are_those_promised() -> None:
    assert (Limits().depth, Limits().xml_elements, Limits().xml_attributes) == (64, 200_000, 100)
    with pytest.raises(TooComplex, match="deeper than 64"):
        read("voc", "<annotation>" + "<a>" * 1_000_000)
    with pytest.raises(TooComplex, match="characters of text"):
        read("voc", "<annotation>" + "x" * 5_000_000)


# --- Writing -----------------------------------------------------------------------------------------------

REGION = Region(*READ, "a < b & c", attributes={"pose": "Left", "part/name": "tip", "not a tag": 1, "list": [1]})


def test_what_is_written_is_voc() -> None:
    content = write_one("voc", [REGION])
    root = ET.fromstring(content)  # our own
    assert (root.tag, root.findtext("filename"), root.findtext("size/width")) == ("annotation", "frame.jpg", "1280")
    assert root.findtext("object/name") == "a < b & c"
    assert [root.findtext(f"object/bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")] == [
        "128", "72", "384", "216",
    ]  # fmt: skip
    assert only(read("voc", content)).regions[0].attributes == {"pose": "Left", "part/name": "tip"}


def test_polygons_and_unknown_scores_are_refused_and_predictions_say_so() -> None:
    seen = REGION._replace(is_prediction=True, score=0.25)
    assert only(read("voc", write_one("voc", [seen]))).regions[0].score == 0.25
    assert not only(read("voc", write_one("voc", [seen], Options(predictions="as_truth")))).is_prediction
    with pytest.raises(CannotSay, match="without a score"):
        write_one("voc", [seen._replace(score=None)])
    with pytest.raises(CannotSay, match="no polygons"):
        write_one("voc", [REGION._replace(kind=POLYGON, points=((0.1, 0.1), (0.3, 0.1), (0.2, 0.3)))])
    with pytest.raises(CannotSay, match="size"):
        write_one("voc", [], ref=PictureRef("a.jpg"))
