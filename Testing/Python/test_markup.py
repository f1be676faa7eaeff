"""Nothing that is shown can become markup."""

from PDACScreeningLib.report.markup import Markup, definitions, element, fragment, table

HOSTILE = "<script>alert('1')</script>&\"x\""
HARMLESS = "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;&quot;x&quot;"


def test_text_is_escaped_and_markup_is_not():
    assert element("p", HOSTILE) == f"<p>{HARMLESS}</p>"
    assert element("p", element("b", "x"), " < y") == "<p><b>x</b> &lt; y</p>"


def test_an_attribute_cannot_be_left():
    assert element("td", "1", data_label=HOSTILE) == f'<td data-label="{HARMLESS}">1</td>'


def test_attributes_lose_a_trailing_underscore_and_may_be_absent_or_bare():
    assert element("input", class_="a", checked=True, hidden=False, id=None) == '<input class="a" checked>'


def test_everything_made_is_markup():
    for made in (element("p"), fragment("a"), definitions([("a", "b")]), table("c", ["d"], [["e"]])):
        assert isinstance(made, Markup)


def test_a_definition_without_a_value_is_left_out():
    assert definitions([("Name", ""), ("Kind", "NIfTI")]) == "<dl><div><dt>Kind</dt><dd>NIfTI</dd></div></dl>"


def test_each_cell_knows_its_column():
    row = '<tr><th scope="row">1</th><td data-label="Size"><span>3 mm</span></td></tr>'
    assert row in table("Findings", ["Number", "Size"], [["1", "3 mm"]])
