"""The form that an author chose in the editor: app mode, and the widgets that subgraphs promote."""

from __future__ import annotations

from bot.core.workflows.auto_form import AutoField, auto_form, declared_fields
from bot.core.workflows.form import FieldKind
from comfy.object_info import ObjectInfo
from comfy.saved import ShownWidget, Surface
from tests.bot.core.workflows.test_auto_form import graph, painting

_INFO = ObjectInfo(
    {
        "Frame": {
            "input": {
                "required": {
                    "aspect_ratio": ["COMBO", {"options": ["1:1", "16:9"]}],
                    "filename_prefix": ["STRING", {}],
                    "on": ["BOOLEAN", {}],
                }
            },
            "output": ["IMAGE"],
            "display_name": "Frame it",
        }
    }
)
_FRAME = ("Frame", {"aspect_ratio": "1:1", "filename_prefix": "x", "on": True}, "Frame it")


def app(*widgets: ShownWidget) -> tuple[AutoField, ...]:
    return auto_form(graph(**painting(n8=_FRAME)), _INFO, Surface(app=widgets))


def widget(place: str, *more: str, label: str = "", sentence: str = "") -> ShownWidget:
    targets = [(each.partition(".")[0], each.partition(".")[2]) for each in (place, *more)]
    return ShownWidget(place.partition(".")[2], tuple(targets), label, sentence)


def test_the_form_is_exactly_the_widgets_in_their_order() -> None:
    form = app(widget("5.steps"), widget("2.text"), widget("8.aspect_ratio"), widget("5.seed"), widget("3.text"))
    assert [(each.title, each.kind, each.more) for each in form] == [
        ("Steps", FieldKind.INTEGER, False),
        ("Prompt", FieldKind.TEXT, False),
        ("Size", FieldKind.CHOICE, False),
        ("Seed", FieldKind.INTEGER, False),
        ("Avoid", FieldKind.TEXT, False),
    ]
    assert [each.seed for each in form] == [False, False, False, True, False]


def test_a_label_of_the_author_is_the_title_and_the_sentence_is_the_help() -> None:
    (field,) = app(widget("5.cfg", label="how_strict", sentence="More follows the words closely."))
    assert (field.name, field.title, field.help) == ("guidance", "How strict", "More follows the words closely.")


def test_one_widget_of_a_node_has_the_title_of_the_node_and_several_have_their_own() -> None:
    nodes = painting(n8=("Frame", _FRAME[1], "My frame"))
    one = auto_form(graph(**nodes), _INFO, Surface(app=(widget("8.on"),)))
    two = auto_form(graph(**nodes), _INFO, Surface(app=(widget("8.on"), widget("8.aspect_ratio"))))
    assert [each.title for each in one] == ["My frame"]
    assert [each.title for each in two] == ["On", "Size"]


def test_where_files_go_is_never_asked() -> None:
    assert [each.title for each in app(widget("8.filename_prefix"), widget("2.text"))] == ["Prompt"]


def test_without_a_widget_that_can_be_asked_the_form_is_traced() -> None:
    assert app(widget("8.filename_prefix"))[0].title == "Prompt"
    assert len(app()) == 9


def test_the_first_text_of_an_app_is_required_and_its_words_an_example() -> None:
    surface = Surface(app=(widget("5.steps"), widget("2.text"), widget("3.text", sentence="What to leave out.")))
    steps, prompt, avoid = declared_fields(graph(**painting()), None, surface)
    assert (steps.required, prompt.required, avoid.required) == (None, True, None)
    assert (prompt.help, avoid.help) == ("For example: a cat", "What to leave out.")


def test_promoted_widgets_give_titles_and_come_after_what_is_traced() -> None:
    shown = (widget("5.steps", label="Effort"), widget("8.on", label="framed"), widget("1.ckpt_name"))
    form = auto_form(graph(**painting(n8=_FRAME)), _INFO, Surface(promoted=shown))
    assert [each.title for each in form if not each.more] == [*("Prompt", "Avoid", "Size", "Effort", "Framed", "Seed")]
    assert [each.title for each in form if each.more] == ["Width", "Height", "Guidance", "Model"]


def test_a_promoted_widget_that_sets_several_inputs_sets_all_of_them() -> None:
    form = auto_form(graph(**painting()), None, Surface(promoted=(widget("5.steps", "4.batch_size"),)))
    steps = next(each for each in form if each.title == "Steps")
    assert [str(each) for each in steps.targets] == ["5.steps", "4.batch_size"]


def test_at_most_nine_fields_stand_in_the_main_group() -> None:
    shown = tuple(widget(f"9.x{number}") for number in range(6))
    nodes = painting(n9=("Many", {f"x{number}": number for number in range(6)}))
    form = auto_form(graph(**nodes), None, Surface(promoted=shown))
    assert [each.title for each in form if not each.more] == [
        *("Prompt", "Avoid", "Size", "Steps", "X0", "X1", "X2", "X3", "Seed")
    ]
